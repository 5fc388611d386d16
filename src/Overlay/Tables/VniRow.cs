namespace Overlay.Tables;

/// <summary>A VNI of a <see cref="VniTable{T}"/>.</summary>
/// <typeparam name="T">What belongs to a VNI.</typeparam>
/// <param name="Vni">The VNI.</param>
/// <param name="Owner">Whose it is.</param>
/// <param name="Value">What belongs to it.</param>
public readonly record struct VniRow<T>(Vni Vni, string Owner, T Value);
