// What the tables are compared with at the scale of a cluster: DPDK's rte_hash as forwarding database, rte_lpm and rte_lpm6 as route tables. It reads commands,
// one in a line, and answers each with one line, so that its measurements and those of .NET can take turns (README.md describes both).
//
//   fdb N · lpm4 N · lpm6 N              fill the table with N entries: "ok NANOSECONDS-PER-INSERT"
//   fdb-single · fdb-bulk · fdb-hot      look up: "ok NANOSECONDS-PER-LOOK-UP FOUND"
//   lpm4-single · lpm4-bulk · lpm6-single · lpm6-bulk
//
// Build: gcc -O3 -march=native tables.c -o tables $(pkg-config --cflags --libs libdpdk)
// Run:   ./tables --no-huge --no-pci -m 2048 --no-shconf --no-telemetry -l 0
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>

// The world that both sides share (README.md): change it here and there, or nowhere.
enum { VNIS = 4096, REMOTES = 10000, HOT = 10000, QUERIES = 1 << 20, BULK = 64 };
static const uint64_t FDB_SEED = 42, QUERY_SEED = 43, ROUTE4_SEED = 44, ROUTE6_SEED = 45;

static uint64_t state;
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void fail(const char *what) { printf("failed %s\n", what); exit(1); }
static void *room(size_t bytes) { void *memory = malloc(bytes); if (!memory) fail("memory"); return memory; }

// ---- forwarding database --------------------------------------------------------------------------------------------

struct key { uint32_t vni; uint8_t mac[6]; uint16_t none; };
static struct rte_hash *fdb;
static struct key *queries, *hot;

static void fill_fdb(uint32_t entries)
{
    struct rte_hash_parameters parameters = { .name = "fdb", .entries = 2 * rte_align32pow2(entries), .key_len = sizeof(struct key), .hash_func = rte_hash_crc,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF };
    rte_hash_free(fdb);
    if (!(fdb = rte_hash_create(&parameters))) fail("rte_hash_create");
    struct key *keys = room((size_t)entries * sizeof *keys);
    state = FDB_SEED;
    for (uint32_t i = 0; i < entries; i++) {
        keys[i] = (struct key){ .vni = next_random() % VNIS };
        uint64_t mac = (next_random() & 0xfffffffffffe) | 2;
        memcpy(keys[i].mac, &mac, sizeof keys[i].mac);
    }
    double start = now();
    for (uint32_t i = 0; i < entries; i++)
        if (rte_hash_add_key_data(fdb, &keys[i], (void *)(uintptr_t)(i % REMOTES + 1)) < 0) fail("rte_hash_add_key_data");
    double each = (now() - start) / entries;
    if (!queries) { queries = room(QUERIES * sizeof *queries); hot = room(QUERIES * sizeof *hot); }
    state = QUERY_SEED;
    for (int i = 0; i < QUERIES; i++) {
        uint32_t index = next_random() % entries;
        queries[i] = keys[index];
        hot[i] = keys[index % HOT];
    }
    free(keys);
    printf("ok %.2f\n", each);
}

static void fdb_single(const struct key *asked)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i++) {
        void *data;
        if (rte_hash_lookup_data(fdb, &asked[i], &data) >= 0) sum += (uintptr_t)data != 0;
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

static void fdb_bulk(void)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i += BULK) {
        const void *keys[BULK];
        void *data[BULK];
        uint64_t hits;
        for (int j = 0; j < BULK; j++) keys[j] = &queries[i + j];
        rte_hash_lookup_bulk_data(fdb, keys, BULK, &hits, data);
        sum += __builtin_popcountll(hits);
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

// ---- IPv4 routes ----------------------------------------------------------------------------------------------------

static struct rte_lpm *lpm4;
static uint32_t *addresses4;

// The prefix lengths of the public Internet table, roughly.
static int length4(uint32_t percent) { return percent < 60 ? 24 : percent < 70 ? 23 : percent < 82 ? 22 : percent < 88 ? 21 : percent < 93 ? 20 : percent < 97 ? 19 : percent < 99 ? 18 : 16; }

static void fill_lpm4(uint32_t routes)
{
    struct rte_lpm_config config = { .max_rules = routes + 1, .number_tbl8s = 1 << 16 };
    if (lpm4) rte_lpm_free(lpm4);
    if (!(lpm4 = rte_lpm_create("lpm4", 0, &config))) fail("rte_lpm_create");
    state = ROUTE4_SEED;
    double start = now();
    for (uint32_t drawn = 0; drawn < routes;) {
        int length = length4(next_random() % 100);
        uint32_t prefix = (uint32_t)next_random() & ~((1u << (32 - length)) - 1);
        if (prefix >> 24 == 0 || prefix >> 24 >= 224) continue;
        if (rte_lpm_add(lpm4, prefix, length, drawn++ % REMOTES + 1) != 0) fail("rte_lpm_add");
    }
    double each = (now() - start) / routes;
    if (!addresses4) addresses4 = room(QUERIES * sizeof *addresses4);
    state = QUERY_SEED;
    for (int i = 0; i < QUERIES; i++) addresses4[i] = (uint32_t)next_random();
    printf("ok %.2f\n", each);
}

static void lpm4_single(void)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i++) {
        uint32_t hop;
        if (rte_lpm_lookup(lpm4, addresses4[i], &hop) == 0) sum += hop != 0;
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

static void lpm4_bulk(void)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i += BULK) {
        uint32_t hops[BULK];
        rte_lpm_lookup_bulk(lpm4, addresses4 + i, hops, BULK);
        for (int j = 0; j < BULK; j++) sum += (hops[j] & RTE_LPM_LOOKUP_SUCCESS) != 0;
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

// ---- IPv6 routes ----------------------------------------------------------------------------------------------------

static struct rte_lpm6 *lpm6;
static uint8_t (*addresses6)[16];

// The first 16 bits of what the registries give out, and the prefix lengths of the public Internet table, roughly.
static const uint16_t FIRST6[] = { 0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x2600, 0x2601, 0x2602, 0x2603, 0x2604, 0x2605, 0x2606, 0x2607, 0x2620, 0x2800, 0x2801, 0x2803,
    0x2804, 0x2806, 0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d, 0x2a0e, 0x2a10, 0x2a12, 0x2c0f };
static int length6(uint32_t percent) { return percent < 46 ? 48 : percent < 62 ? 44 : percent < 71 ? 40 : percent < 79 ? 32 : percent < 84 ? 46 : percent < 88 ? 36 : percent < 91 ? 47 : percent < 94 ? 29 : percent < 96 ? 42 : percent < 98 ? 45 : 33; }

static void store_high(uint8_t *ip, uint64_t high, uint64_t low)
{
    for (int i = 0; i < 8; i++) { ip[i] = high >> (56 - 8 * i); ip[8 + i] = low >> (56 - 8 * i); }
}

static void fill_lpm6(uint32_t routes)
{
    struct rte_lpm6_config config = { .max_rules = routes + 1, .number_tbl8s = 1 << 20 };
    if (lpm6) rte_lpm6_free(lpm6);
    if (!(lpm6 = rte_lpm6_create("lpm6", 0, &config))) fail("rte_lpm6_create");
    uint64_t *prefixes = room(routes * sizeof *prefixes);
    uint8_t *lengths = room(routes);
    state = ROUTE6_SEED;
    double start = now();
    for (uint32_t i = 0; i < routes; i++) {
        lengths[i] = length6(next_random() % 100);
        prefixes[i] = (uint64_t)FIRST6[next_random() % (sizeof FIRST6 / sizeof *FIRST6)] << 48;
        prefixes[i] |= (next_random() & 0xffffffffffff) & ~((1ull << (64 - lengths[i])) - 1);
        uint8_t ip[16];
        store_high(ip, prefixes[i], 0);
        if (rte_lpm6_add(lpm6, ip, lengths[i], i % REMOTES + 1) != 0) fail("rte_lpm6_add");
    }
    double each = (now() - start) / routes;
    if (!addresses6) addresses6 = room(QUERIES * sizeof *addresses6);
    state = QUERY_SEED;
    for (int i = 0; i < QUERIES; i++) {
        uint32_t index = next_random() % routes;
        uint64_t rest = next_random() & ((1ull << (64 - lengths[index])) - 1);
        store_high(addresses6[i], prefixes[index] | rest, next_random());
    }
    free(prefixes);
    free(lengths);
    printf("ok %.2f\n", each);
}

static void lpm6_single(void)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i++) {
        uint32_t hop;
        if (rte_lpm6_lookup(lpm6, addresses6[i], &hop) == 0) sum += hop != 0;
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

static void lpm6_bulk(void)
{
    uint64_t sum = 0;
    double start = now();
    for (int i = 0; i < QUERIES; i += BULK) {
        int32_t hops[BULK];
        rte_lpm6_lookup_bulk_func(lpm6, addresses6 + i, hops, BULK);
        for (int j = 0; j < BULK; j++) sum += hops[j] > 0;
    }
    printf("ok %.3f %lu\n", (now() - start) / QUERIES, (unsigned long)sum);
}

int main(int argc, char **argv)
{
    if (rte_eal_init(argc, argv) < 0) fail("rte_eal_init");
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        char work[32];
        unsigned count = 0;
        if (sscanf(line, "%31s %u", work, &count) < 1) continue;
        if (!strcmp(work, "fdb") && count) fill_fdb(count);
        else if (!strcmp(work, "lpm4") && count) fill_lpm4(count);
        else if (!strcmp(work, "lpm6") && count) fill_lpm6(count);
        else if (!strcmp(work, "fdb-single") && fdb) fdb_single(queries);
        else if (!strcmp(work, "fdb-hot") && fdb) fdb_single(hot);
        else if (!strcmp(work, "fdb-bulk") && fdb) fdb_bulk();
        else if (!strcmp(work, "lpm4-single") && lpm4) lpm4_single();
        else if (!strcmp(work, "lpm4-bulk") && lpm4) lpm4_bulk();
        else if (!strcmp(work, "lpm6-single") && lpm6) lpm6_single();
        else if (!strcmp(work, "lpm6-bulk") && lpm6) lpm6_bulk();
        else printf("failed unknown %s\n", work);
    }
    return 0;
}
