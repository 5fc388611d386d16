namespace Overlay.Linux.Bpf;

/// <summary>Functions of the kernel that a program may call (linux/bpf.h, __BPF_FUNC_MAPPER), by their numbers.</summary>
internal enum BpfHelper
{
    /// <summary>long bpf_skb_store_bytes(skb, u32 offset, const void *from, u32 len, u64 flags).</summary>
    SkbStoreBytes = 9,

    /// <summary>long bpf_l3_csum_replace(skb, u32 offset, u64 from, u64 to, u64 size).</summary>
    L3ChecksumReplace = 10,

    /// <summary>long bpf_redirect(u32 ifindex, u64 flags): the MAC header stays as it is.</summary>
    Redirect = 23,

    /// <summary>long bpf_skb_load_bytes(skb, u32 offset, void *to, u32 len).</summary>
    SkbLoadBytes = 26,

    /// <summary>s64 bpf_csum_diff(be32 *from, u32 from_size, be32 *to, u32 to_size, wsum seed).</summary>
    ChecksumDifference = 28,

    /// <summary>long bpf_skb_pull_data(skb, u32 len): makes the first bytes readable in place.</summary>
    SkbPullData = 39,

    /// <summary>long bpf_skb_adjust_room(skb, s32 len_diff, u32 mode, u64 flags).</summary>
    SkbAdjustRoom = 50,

    /// <summary>
    /// long bpf_redirect_neigh(u32 ifindex, struct bpf_redir_neigh *params, int plen, u64 flags): out by an interface, with the MAC header of the next
    /// hop that the kernel's route by that interface names; the neighbour is resolved if need be (Linux 5.10).
    /// </summary>
    RedirectNeighbor = 152,
}
