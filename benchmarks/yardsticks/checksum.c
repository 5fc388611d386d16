// The limit to compare with: what C with vector intrinsics needs for the Internet checksum (RFC 1071), alone and together with a copy.
//
// sum       the ones' complement sum, vectors of 512 bits; without AVX-512 of 256 (AVX2)
// sum-adc   the same with 64-bit additions with carry, as it is done without vectors
// memcpy    a copy by the C library
// copy-sum  copy and sum in one pass over memory, vectors as in sum
//
// Which vectors they are is found out when the program runs, and stands in the column "checksum". Elsewhere than on x86-64 the loops are plain C, as the
// compiler makes them.
//
// Build: gcc -O3 -march=native checksum.c -o checksum    Run: ./checksum [REPETITIONS]      (README.md describes the output)
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { BYTES_PER_REPETITION = 16 << 20, MAX_CALLS = 200000, MAX_REPETITIONS = 1000, ALIGNMENT = 64, LONGEST = 1 << 16 };
static const int LENGTHS[] = { 64, 1408, LONGEST };                     // the C# side has the same: change it here and there, or nowhere
static const uint64_t SEED = 42;

static uint16_t load16(const uint8_t *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }
static uint64_t fold64(uint64_t sum) { return (sum & 0xffffffff) + (sum >> 32); }

static uint16_t fold(uint64_t sum)
{
    sum = fold64(fold64(sum));
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

// What is left behind the vectors, and the twin that everything is checked with.
static uint64_t sum_words(const uint8_t *p, size_t length)
{
    uint64_t sum = 0;
    for (; length >= 4; length -= 4, p += 4) sum += load32(p);
    if (length & 2) { sum += load16(p); p += 2; }
    if (length & 1) sum += *p;
    return sum;
}

#ifdef __x86_64__

static uint64_t sum_adc(const uint8_t *p, size_t length)
{
    uint64_t sum = 0;
    for (; length >= 64; length -= 64, p += 64)
        __asm__("addq 0(%1), %0\n\t" "adcq 8(%1), %0\n\t" "adcq 16(%1), %0\n\t" "adcq 24(%1), %0\n\t"
                "adcq 32(%1), %0\n\t" "adcq 40(%1), %0\n\t" "adcq 48(%1), %0\n\t" "adcq 56(%1), %0\n\t" "adcq $0, %0"
                : "+r"(sum) : "r"(p), "m"(*(const uint8_t (*)[64])p) : "cc");
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t x = load64(p);
        sum += x;
        sum += sum < x;
    }
    return fold64(sum) + sum_words(p, length);
}

// For 64-bit lanes x, sum(x) wraps but sum(x >> 32) does not, and the sum of the low halves is sum(x) - 2^32 * sum(x >> 32): three operations a vector.
// Four pairs of accumulators hide the latency of the additions.
#define TARGET512 __attribute__((target("avx512f")))
#define TARGET256 __attribute__((target("avx2")))

TARGET512 static inline uint64_t total512(__m512i all, __m512i high)
{
    return fold64((uint64_t)_mm512_reduce_add_epi64(_mm512_sub_epi64(_mm512_add_epi64(all, high), _mm512_slli_epi64(high, 32))));
}

TARGET256 static inline uint64_t total256(__m256i all, __m256i high)
{
    uint64_t lanes[4];
    _mm256_storeu_si256((__m256i *)lanes, _mm256_sub_epi64(_mm256_add_epi64(all, high), _mm256_slli_epi64(high, 32)));
    return fold64(lanes[0] + lanes[1] + lanes[2] + lanes[3]);
}

#define VECTOR_SUM(name, target, vector, bytes, prefix, suffix, total, copies)                                                       \
    target static uint64_t name(uint8_t *to, const uint8_t *p, size_t length)                                                        \
    {                                                                                                                                 \
        vector all[4], high[4];                                                                                                       \
        (void)to;                                                                                                                     \
        for (int i = 0; i < 4; i++) all[i] = high[i] = prefix##_setzero_##suffix();                                                   \
        for (; length >= 4 * bytes; length -= 4 * bytes, p += 4 * bytes, to += copies ? 4 * bytes : 0)                                \
            _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {                                                                     \
                vector x = prefix##_loadu_##suffix((const void *)(p + i * bytes));                                                    \
                if (copies) prefix##_storeu_##suffix((void *)(to + i * bytes), x);                                                    \
                all[i] = prefix##_add_epi64(all[i], x);                                                                               \
                high[i] = prefix##_add_epi64(high[i], prefix##_srli_epi64(x, 32));                                                    \
            }                                                                                                                         \
        for (; length >= bytes; length -= bytes, p += bytes, to += copies ? bytes : 0) {                                              \
            vector x = prefix##_loadu_##suffix((const void *)p);                                                                      \
            if (copies) prefix##_storeu_##suffix((void *)to, x);                                                                      \
            all[0] = prefix##_add_epi64(all[0], x);                                                                                   \
            high[0] = prefix##_add_epi64(high[0], prefix##_srli_epi64(x, 32));                                                        \
        }                                                                                                                             \
        vector a = prefix##_add_epi64(prefix##_add_epi64(all[0], all[1]), prefix##_add_epi64(all[2], all[3]));                        \
        vector h = prefix##_add_epi64(prefix##_add_epi64(high[0], high[1]), prefix##_add_epi64(high[2], high[3]));                    \
        if (copies && length > 0) memcpy(to, p, length);                                                                              \
        return total(a, h) + sum_words(p, length);                                                                                    \
    }

VECTOR_SUM(sum_512, TARGET512, __m512i, 64, _mm512, si512, total512, false)
VECTOR_SUM(copy_sum_512, TARGET512, __m512i, 64, _mm512, si512, total512, true)
VECTOR_SUM(sum_256, TARGET256, __m256i, 32, _mm256, si256, total256, false)
VECTOR_SUM(copy_sum_256, TARGET256, __m256i, 32, _mm256, si256, total256, true)

static bool has_512(void) { return __builtin_cpu_supports("avx512f"); }
static bool has_256(void) { return __builtin_cpu_supports("avx2"); }

#endif

static uint64_t sum_plain(uint8_t *to, const uint8_t *p, size_t length) { (void)to; return sum_words(p, length); }
static uint64_t copy_sum_plain(uint8_t *to, const uint8_t *p, size_t length) { memcpy(to, p, length); return sum_words(p, length); }
static uint64_t copy(uint8_t *to, const uint8_t *p, size_t length) { memcpy(to, p, length); return 0; }
#ifdef __x86_64__
static uint64_t sum_with_carry(uint8_t *to, const uint8_t *p, size_t length) { (void)to; return sum_adc(p, length); }
#endif

struct work {
    const char *name, *variant;
    uint64_t (*run)(uint8_t *to, const uint8_t *from, size_t length);
    bool sums, copies;
};

static int choose(struct work *works)
{
    struct work sum = { "sum", "plain", sum_plain, true, false }, copy_sum = { "copy-sum", "plain", copy_sum_plain, true, true };
    int count = 0;
#ifdef __x86_64__
    if (has_512()) {
        sum.variant = copy_sum.variant = "avx512";
        sum.run = sum_512;
        copy_sum.run = copy_sum_512;
    } else if (has_256()) {
        sum.variant = copy_sum.variant = "avx2";
        sum.run = sum_256;
        copy_sum.run = copy_sum_256;
    }
#endif
    works[count++] = sum;
#ifdef __x86_64__
    works[count++] = (struct work){ "sum-adc", "adc", sum_with_carry, true, false };
#endif
    works[count++] = (struct work){ "memcpy", "libc", copy, false, true };
    works[count++] = copy_sum;
    return count;
}

// splitmix64, as on the C# side.
static uint64_t random_state = SEED;
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

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

static void fail(const struct work *work, size_t length, const char *what)
{
    fprintf(stderr, "checksum: %s (%s) of %zu bytes: %s\n", work->name, work->variant, length, what);
    exit(1);
}

// Every length up to a few vectors, and those that are measured.
static void check(const struct work *work, const uint8_t *from, uint8_t *to, size_t length)
{
    memset(to, 0xa5, length + 1);
    uint64_t sum = work->run(to, from, length);
    if (work->sums && fold(sum) != fold(sum_words(from, length))) fail(work, length, "the sum is wrong");
    if (work->copies && memcmp(from, to, length) != 0) fail(work, length, "the copy is wrong");
    if (to[length] != 0xa5) fail(work, length, "more was written than there is");
}

static void measure(const struct work *work, const uint8_t *from, uint8_t *to, int length, int repetitions)
{
    static double ns[MAX_REPETITIONS];
    int calls = BYTES_PER_REPETITION / length < MAX_CALLS ? BYTES_PER_REPETITION / length : MAX_CALLS;
    for (int r = 0; r < repetitions; r++) {
        uint64_t total = 0;
        double start = now_ns();
        for (int i = 0; i < calls; i++) total += work->run(to, from, (size_t)length);
        ns[r] = (now_ns() - start) / calls;
        if (work->sums != (total != 0)) fail(work, (size_t)length, "nothing was summed");
    }
    qsort(ns, (size_t)repetitions, sizeof *ns, ascending);
    printf("%-8s %6d %7d  %-8s %8.2f %8.2f\n", work->name, length, 1, work->variant, ns[0], ns[repetitions / 2]);
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 31;
    if (repetitions < 1 || repetitions > MAX_REPETITIONS) {
        fprintf(stderr, "usage: checksum [REPETITIONS]   (1 to %d, default 31)\n", MAX_REPETITIONS);
        return 2;
    }

    struct work works[4];
    int count = choose(works);
    uint8_t *from = aligned_alloc(ALIGNMENT, LONGEST + ALIGNMENT), *to = aligned_alloc(ALIGNMENT, LONGEST + ALIGNMENT);
    if (from == NULL || to == NULL) { perror("checksum: memory"); return 1; }
    for (int i = 0; i < LONGEST; i++) from[i] = (uint8_t)next_random();

    printf("work      bytes buffers  checksum   min ns   med ns\n");
    for (int w = 0; w < count; w++)
        for (size_t length = 0; length <= 600; length++) check(&works[w], from, to, length);
    for (size_t l = 0; l < sizeof LENGTHS / sizeof *LENGTHS; l++)
        for (int w = 0; w < count; w++) {
            check(&works[w], from, to, (size_t)LENGTHS[l]);
            measure(&works[w], from, to, LENGTHS[l], repetitions);
        }
    free(from);
    free(to);
    return 0;
}
