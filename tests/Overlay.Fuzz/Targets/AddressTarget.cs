using System.Globalization;
using System.Text;

namespace Overlay.Fuzz.Targets;

/// <summary>Addresses and numbers in text: what can be read is written so that it can be read again.</summary>
internal sealed class AddressTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<char> text = Encoding.Latin1.GetString(input);
        if (MacAddress.TryParse(text, CultureInfo.InvariantCulture, out MacAddress mac))
        {
            Check.Equal(mac, MacAddress.Parse(mac.ToString()), "a MAC address written and read");
        }

        if (ValueIPAddress.TryParse(text, CultureInfo.InvariantCulture, out ValueIPAddress address))
        {
            Check.Equal(address, ValueIPAddress.Parse(address.ToString()!), "an IP address written and read");
        }

        if (Vni.TryParse(text, CultureInfo.InvariantCulture, out Vni vni))
        {
            Check.That(Vni.TryParse(vni.ToString(), CultureInfo.InvariantCulture, out Vni again) && again == vni, "a VNI written and read");
        }
    }
}
