namespace Overlay.DataPath;

/// <summary>Taking VLAN tags off a frame in a batch.</summary>
internal static class VlanTags
{
    private const int AddressesLength = 2 * MacAddress.Length;
    private const int UntaggedLength = AddressesLength + sizeof(ushort);

    /// <summary>Moves the MAC addresses over the tags and cuts what is then in front.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The frame.</param>
    /// <param name="headerLength">Length of its Ethernet header, tags included.</param>
    public static void Strip(PacketBatch batch, int index, int headerLength)
    {
        int tags = headerLength - UntaggedLength;
        Span<byte> frame = batch.Data(index);
        frame[..AddressesLength].CopyTo(frame[tags..]);
        batch.TrimStart(index, tags);
    }
}
