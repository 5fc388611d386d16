// The limit to compare with: what plain C needs to put Ethernet frames into VXLAN over IPv4 and to take them out again.
//
// Encapsulate, per frame:  look (VNI, destination MAC) up among 10 000 entries; hash the 5-tuple of the frame; write the
//                          50 bytes of outer Ethernet, IPv4, UDP and VXLAN from the remote's template; fix up both length
//                          fields, the source port and the IPv4 header checksum.
// Decapsulate, per packet: check lengths, version, IHL, protocol, IPv4 header checksum, UDP length and port, I flag and VNI;
//                          look the outer source up among 64 remotes; say how long the inner frame is.
// Both come in two rows: outer UDP checksum zero (RFC 7348 section 5), and computed or verified.
//
// Build: gcc -O3 -march=native encap.c -o encap          Run: ./encap [REPETITIONS]      (README.md describes the output)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- layout ---------------------------------------------------------------------------------------------------------

enum {
    // Offsets into the outer headers, and into the inner frame where the name says so.
    ETHER_TYPE = 12,
    IPV4 = 14, IPV4_TOTAL_LENGTH = IPV4 + 2, IPV4_FRAGMENT = IPV4 + 6, IPV4_TIME_TO_LIVE = IPV4 + 8, IPV4_PROTOCOL = IPV4 + 9, IPV4_CHECKSUM = IPV4 + 10, IPV4_SOURCE = IPV4 + 12, IPV4_DESTINATION = IPV4 + 16,
    IPV4_HEADER_LENGTH = 20,
    UDP = IPV4 + IPV4_HEADER_LENGTH, UDP_SOURCE_PORT = UDP, UDP_DESTINATION_PORT = UDP + 2, UDP_LENGTH = UDP + 4, UDP_CHECKSUM = UDP + 6,
    UDP_HEADER_LENGTH = 8,
    VXLAN = UDP + UDP_HEADER_LENGTH, VXLAN_VNI = VXLAN + 4, VXLAN_HEADER_LENGTH = 8,
    OUTER_LENGTH = VXLAN + VXLAN_HEADER_LENGTH,
    INNER_ADDRESSES = IPV4 + 12, INNER_PORTS = IPV4 + IPV4_HEADER_LENGTH, TCP_DATA_OFFSET = INNER_PORTS + 12,
    ETHERNET_HEADER_LENGTH = 14,

    VERSION_4_IHL_5 = 0x45, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, VXLAN_FLAG_I = 0x08, VXLAN_PORT = 4789,
    DONT_FRAGMENT = 0x4000, TCP_HEADER_OF_20_BYTES = 0x50,
    FIRST_SOURCE_PORT = 49152, SOURCE_PORTS = 16384,
};

// The world that both sides of the comparison share (see README.md): change it here and there, or nowhere.
enum {
    VNI = 42, ENTRIES = 10000, REMOTES = 64,
    OWN_ADDRESS = 0xc0000201, REMOTE_NETWORK = 10,                      // 192.0.2.1, and 10.0.0.0/8
    STRIDE = 2048, HEADROOM = 128,
    PACKETS_PER_REPETITION = 400000, MAX_REPETITIONS = 1000,
};
static const uint64_t SEED = 42;

static uint16_t load16(const uint8_t *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }
static void store16(uint8_t *p, uint16_t v) { memcpy(p, &v, sizeof v); }
static void store32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }

// splitmix64: small, seedable and easy to write in any language, so that both sides draw the same numbers.
static uint64_t random_state = SEED;
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// ---- Internet checksum (RFC 1071): sums in the byte order of the wire, so no byte is swapped --------------------------

static uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t sum_bytes(const uint8_t *p, size_t length)
{
    uint64_t sum = 0;
    size_t words = length / 4;
    for (size_t i = 0; i < words; i++) sum += load32(p + 4 * i);        // the compiler makes vectors of this
    p += 4 * words;
    if (length & 2) { sum += load16(p); p += 2; }
    if (length & 1) sum += *p;                                          // little-endian: the odd byte is padded with zero on the right
    return sum;
}

// In one's complement, bytes that carry their own checksum sum up to a multiple of 0xffff; one multiplication finds that out.
static bool is_valid(uint64_t sum) { return sum % 0xffff == 0; }

// ---- forwarding table: open addressing, linear probing, at most one third full ----------------------------------------

enum { FDB_BITS = 15, FDB_SLOTS = 1 << FDB_BITS };
struct fdb_slot { uint64_t key; uint32_t remote; };                     // key 0: empty; remote counts from 1
static struct fdb_slot fdb[FDB_SLOTS];

static uint64_t fdb_key(uint64_t mac, uint32_t vni) { return (mac & 0xffffffffffff) | (uint64_t)vni << 48; }
static uint32_t fdb_start(uint64_t key) { return (uint32_t)(key * 0x9e3779b97f4a7c15 >> (64 - FDB_BITS)); }

static void fdb_set(uint64_t key, uint32_t remote)
{
    uint32_t i = fdb_start(key);
    while (fdb[i].key != 0 && fdb[i].key != key) i = (i + 1) % FDB_SLOTS;
    fdb[i] = (struct fdb_slot){ key, remote };
}

static uint32_t fdb_find(uint64_t key)                                  // 0: not there
{
    for (uint32_t i = fdb_start(key);; i = (i + 1) % FDB_SLOTS)
        if (fdb[i].key == key || fdb[i].key == 0) return fdb[i].remote;
}

// ---- remotes: a template for each, and a set of their addresses -------------------------------------------------------

struct remote {
    _Alignas(64) uint8_t header[OUTER_LENGTH];                          // lengths, source port and checksums zero, but for the
    uint16_t ip_sum;                                                    // IPv4 header sum with a total length of zero
    uint32_t udp_sum;                                                   // pseudo-header, destination port and VXLAN header
};
static struct remote remotes[REMOTES + 1];                              // counted from 1, as in the table

enum { ADDRESS_BITS = 8, ADDRESS_SLOTS = 1 << ADDRESS_BITS };
static uint32_t addresses[ADDRESS_SLOTS];                               // without collisions: main() draws addresses until none is left
static uint32_t address_slot(uint32_t address) { return address * 0x9e3779b1u >> (32 - ADDRESS_BITS); }

// ---- the work to be measured -------------------------------------------------------------------------------------------

static inline uint32_t flow_hash(const uint8_t *frame)
{
    if (load16(frame + ETHER_TYPE) != htons(0x0800)) return 0;
    uint64_t hash = load64(frame + INNER_ADDRESSES) * 0x9e3779b97f4a7c15;
    hash ^= load32(frame + INNER_PORTS) + ((uint64_t)frame[IPV4_PROTOCOL] << 32);
    return (uint32_t)(hash * 0xbf58476d1ce4e5b9 >> 32);
}

// The frame lies behind at least OUTER_LENGTH bytes of headroom. Returns the length of the packet, or -1: no such destination.
__attribute__((noinline)) static int encapsulate(uint8_t *frame, int length, bool checksum)
{
    uint32_t index = fdb_find(fdb_key(load64(frame), VNI));
    if (index == 0) return -1;

    const struct remote *remote = &remotes[index];
    uint8_t *outer = frame - OUTER_LENGTH;
    uint16_t udp_length = htons((uint16_t)(length + VXLAN_HEADER_LENGTH + UDP_HEADER_LENGTH));
    uint16_t total_length = htons((uint16_t)(length + VXLAN_HEADER_LENGTH + UDP_HEADER_LENGTH + IPV4_HEADER_LENGTH));
    uint16_t source_port = htons((uint16_t)(FIRST_SOURCE_PORT + flow_hash(frame) % SOURCE_PORTS));

    memcpy(outer, remote->header, OUTER_LENGTH);
    store16(outer + IPV4_TOTAL_LENGTH, total_length);
    store16(outer + IPV4_CHECKSUM, (uint16_t)~fold((uint64_t)remote->ip_sum + total_length));
    store16(outer + UDP_SOURCE_PORT, source_port);
    store16(outer + UDP_LENGTH, udp_length);
    if (checksum) {
        // The length counts twice: in the pseudo-header and in the header.
        uint16_t sum = (uint16_t)~fold((uint64_t)remote->udp_sum + 2u * udp_length + source_port + sum_bytes(frame, (size_t)length));
        store16(outer + UDP_CHECKSUM, sum == 0 ? 0xffff : sum);         // zero would say: no checksum (RFC 768)
    }
    return length + OUTER_LENGTH;
}

// Not inlined: its registers and vectors would cost the packets without a checksum a stack frame.
__attribute__((noinline)) static bool has_valid_udp_checksum(const uint8_t *packet, int udp_length)
{
    uint64_t pseudo_header = sum_bytes(packet + IPV4_SOURCE, 8) + htons(PROTOCOL_UDP) + htons((uint16_t)udp_length);
    return is_valid(pseudo_header + sum_bytes(packet + UDP, (size_t)udp_length));
}

// Returns the length of the inner frame, which starts OUTER_LENGTH bytes into the packet, or -1: not one of ours.
__attribute__((noinline)) static int decapsulate(const uint8_t *packet, int length)
{
    if (length < OUTER_LENGTH + ETHERNET_HEADER_LENGTH || load16(packet + ETHER_TYPE) != htons(0x0800)) return -1;
    if (packet[IPV4] != VERSION_4_IHL_5 || packet[IPV4_PROTOCOL] != PROTOCOL_UDP) return -1;

    int total_length = ntohs(load16(packet + IPV4_TOTAL_LENGTH));
    int udp_length = ntohs(load16(packet + UDP_LENGTH));
    if (total_length > length - IPV4 || udp_length > total_length - IPV4_HEADER_LENGTH) return -1;
    if (udp_length < UDP_HEADER_LENGTH + VXLAN_HEADER_LENGTH + ETHERNET_HEADER_LENGTH) return -1;
    if (!is_valid(sum_bytes(packet + IPV4, IPV4_HEADER_LENGTH))) return -1;
    if (load16(packet + UDP_DESTINATION_PORT) != htons(VXLAN_PORT)) return -1;

    if (load16(packet + UDP_CHECKSUM) != 0 && !has_valid_udp_checksum(packet, udp_length)) return -1;

    uint32_t source = load32(packet + IPV4_SOURCE);
    if ((packet[VXLAN] & VXLAN_FLAG_I) == 0 || ntohl(load32(packet + VXLAN_VNI)) >> 8 != VNI) return -1;
    if (addresses[address_slot(source)] != source) return -1;
    return udp_length - UDP_HEADER_LENGTH - VXLAN_HEADER_LENGTH;
}

// ---- the world ---------------------------------------------------------------------------------------------------------

static void make_remotes(void)
{
    for (int i = 1; i <= REMOTES; i++) {
        struct remote *remote = &remotes[i];
        uint8_t *h = remote->header;
        uint32_t address;
        do address = ((uint32_t)next_random() & ~0xffu) | REMOTE_NETWORK; while (addresses[address_slot(address)] != 0);
        addresses[address_slot(address)] = address;

        // The header that the remote writes, not the one written to it: so what was put in can be taken out again.
        for (int j = 0; j < ETHER_TYPE; j++) h[j] = (uint8_t)(j % 6 == 0 ? 2 : i);
        store16(h + ETHER_TYPE, htons(0x0800));
        h[IPV4] = VERSION_4_IHL_5;
        store16(h + IPV4_FRAGMENT, htons(DONT_FRAGMENT));
        h[IPV4_TIME_TO_LIVE] = 64;
        h[IPV4_PROTOCOL] = PROTOCOL_UDP;
        store32(h + IPV4_SOURCE, address);
        store32(h + IPV4_DESTINATION, htonl(OWN_ADDRESS));
        store16(h + UDP_DESTINATION_PORT, htons(VXLAN_PORT));
        h[VXLAN] = VXLAN_FLAG_I;
        store32(h + VXLAN_VNI, htonl(VNI << 8));

        remote->ip_sum = fold(sum_bytes(h + IPV4, IPV4_HEADER_LENGTH));
        remote->udp_sum = fold(sum_bytes(h + IPV4_SOURCE, 8) + htons(PROTOCOL_UDP) + sum_bytes(h + UDP, UDP_HEADER_LENGTH + VXLAN_HEADER_LENGTH));
    }
}

static uint64_t macs[ENTRIES];
static void make_table(void)
{
    for (int i = 0; i < ENTRIES; i++) {
        macs[i] = (next_random() & 0xfffffffffffe) | 2;                 // first byte on the wire is the lowest: unicast, locally administered
        fdb_set(fdb_key(macs[i], VNI), (uint32_t)(i % REMOTES + 1));
    }
}

static uint8_t *make_frames(int count, int length)
{
    uint8_t *buffer = aligned_alloc(64, (size_t)count * STRIDE);
    if (buffer == NULL) { perror("encap: memory"); exit(1); }
    memset(buffer, 0, (size_t)count * STRIDE);
    for (int i = 0; i < count; i++) {
        uint8_t *frame = buffer + (size_t)i * STRIDE + HEADROOM;
        for (int j = 0; j < length; j++) frame[j] = (uint8_t)next_random();
        memcpy(frame, &macs[next_random() % ENTRIES], 6);
        store16(frame + ETHER_TYPE, htons(0x0800));
        frame[IPV4] = VERSION_4_IHL_5;
        store16(frame + IPV4_TOTAL_LENGTH, htons((uint16_t)(length - ETHERNET_HEADER_LENGTH)));
        store16(frame + IPV4_FRAGMENT, htons(DONT_FRAGMENT));
        frame[IPV4_PROTOCOL] = PROTOCOL_TCP;
        frame[TCP_DATA_OFFSET] = TCP_HEADER_OF_20_BYTES;
    }
    return buffer;
}

// ---- measuring ---------------------------------------------------------------------------------------------------------

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(const char *direction, int length, int frames, bool checksum, double *ns, int count)
{
    qsort(ns, (size_t)count, sizeof *ns, ascending);
    printf("%-6s %6d %7d  %-8s %8.2f %8.2f\n", direction, length, frames, checksum ? "computed" : "zero", ns[0], ns[count / 2]);
}

static void expect(long long got, long long wanted, const char *what)
{
    if (got == wanted) return;
    fprintf(stderr, "encap: %s is wrong: %lld bytes where %lld were due\n", what, got, wanted);
    exit(1);
}

static void measure(int length, int frames, bool checksum, int repetitions)
{
    static double encap_ns[MAX_REPETITIONS], decap_ns[MAX_REPETITIONS];
    random_state = SEED + 1;                                            // the same frames for both rows
    uint8_t *buffer = make_frames(frames, length);
    int rounds = PACKETS_PER_REPETITION / frames;
    long long packets = (long long)rounds * frames;

    for (int r = 0; r < repetitions; r++) {
        long long outer_bytes = 0, inner_bytes = 0;
        double start = now_ns();
        for (int k = 0; k < rounds; k++)
            for (int i = 0; i < frames; i++) outer_bytes += encapsulate(buffer + (size_t)i * STRIDE + HEADROOM, length, checksum);
        double middle = now_ns();
        for (int k = 0; k < rounds; k++)
            for (int i = 0; i < frames; i++) inner_bytes += decapsulate(buffer + (size_t)i * STRIDE + HEADROOM - OUTER_LENGTH, length + OUTER_LENGTH);
        double end = now_ns();

        encap_ns[r] = (middle - start) / (double)packets;
        decap_ns[r] = (end - middle) / (double)packets;
        expect(outer_bytes, packets * (length + OUTER_LENGTH), "encapsulation");
        expect(inner_bytes, packets * length, "decapsulation");
    }

    print_row("encap", length, frames, checksum, encap_ns, repetitions);
    print_row("decap", length, frames, checksum, decap_ns, repetitions);
    free(buffer);
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 31;
    if (repetitions < 1 || repetitions > MAX_REPETITIONS) {
        fprintf(stderr, "usage: encap [REPETITIONS]   (1 to %d, default 31)\n", MAX_REPETITIONS);
        return 2;
    }

    make_remotes();
    make_table();
    printf("work    frame  frames  checksum   min ns   med ns\n");
    static const int lengths[] = { 64, 1450 }, counts[] = { 24, 512 };
    for (int l = 0; l < 2; l++)
        for (int c = 0; c < 2; c++)
            for (int checksum = 0; checksum < 2; checksum++)
                measure(lengths[l], counts[c], checksum, repetitions);
    return 0;
}
