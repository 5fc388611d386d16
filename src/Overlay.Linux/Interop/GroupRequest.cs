namespace Overlay.Linux.Interop;

/// <summary>struct group_req (linux/in.h): an interface and a group of either family.</summary>
internal unsafe struct GroupRequest
{
    // struct __kernel_sockaddr_storage.
    private const int StorageLength = 128;

    public uint Interface;
    private readonly uint _padding;
    public fixed byte Group[StorageLength];

    /// <summary>Makes a request.</summary>
    public static GroupRequest Of(ValueIPAddress group, uint link)
    {
        GroupRequest request = new() { Interface = link };
        _ = SocketAddress.Write(new Span<byte>(request.Group, StorageLength), group, 0, 0, 0);
        return request;
    }
}
