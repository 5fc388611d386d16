namespace Overlay.Encapsulation;

/// <summary>What ESP encrypts and authenticates with, as far as it decides how long packets become (RFC 4303 §2).</summary>
public enum EspTransform : byte
{
    /// <summary>AES-GCM with a tag of 16 bytes: an IV of 8, padded to 4 (RFC 4106 §3, §4, §6). What Linux and strongSwan use unless told otherwise.</summary>
    AesGcm16,

    /// <summary>AES-CBC with HMAC-SHA-256-128: an IV of 16, padded to 16, a tag of 16 (RFC 3602 §3, RFC 4868 §2.6).</summary>
    AesCbcSha256,
}
