// The machine's own limits, for speed.py: what cores and memory do at best where nothing but this is asked of them.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
typedef float Vector __attribute__((vector_size(64)));  // the compiler takes the widest registers there are

template <class Part>
double seconds(int threads, const Part& part) {
    const auto began = clock_type::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back([&part, t] { part(t); });
    part(0);
    for (auto& other : others) other.join();
    return std::chrono::duration<double>(clock_type::now() - began).count();
}

volatile float sink;

std::uint64_t next(std::uint64_t& state) {  // Vigna's xorshift64*
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 2685821657736338717ull;
}

}  // namespace

// Multiplications and additions a second, float32: 12 independent chains hide the latency of one.
extern "C" double flops(int threads) {
    constexpr long rounds = 20'000'000;
    const double took = seconds(threads, [](int t) {
        Vector chain[12], factor, more;
        for (int j = 0; j < 16; ++j) factor[j] = 0.999f, more[j] = 0.001f * (float)(t + 1);
        for (auto& c : chain) c = factor;
        for (long r = 0; r < rounds; ++r)
            for (auto& c : chain) c = c * factor + more;
        Vector sum = chain[0];
        for (int j = 1; j < 12; ++j) sum += chain[j];
        sink = sum[0] + sum[5];
    });
    return 2.0 * 16 * 12 * (double)rounds * threads / took;
}

// Bytes a second read in order out of n floats.
extern "C" double stream(const float* x, long n, int threads) {
    const long rounds = std::max(1L, 500'000'000 / n);
    const double took = seconds(threads, [=](int t) {
        const long share = n / threads / 64 * 64;
        Vector sum[4] = {};
        for (long r = 0; r < rounds; ++r) {
            const Vector* at = reinterpret_cast<const Vector*>(x + t * share);
            for (long i = 0; i + 4 <= share / 16; i += 4)
                for (int j = 0; j < 4; ++j) sum[j] += at[i + j];
        }
        sink = (sum[0] + sum[1] + sum[2] + sum[3])[0];
    });
    return 4.0 * (double)(n / threads / 64 * 64) * threads * (double)rounds / took;
}

// Bytes a second of rows of `width` floats (a multiple of 16) read at random out of `rows`, the next ones prefetched.
extern "C" double gather(const float* x, long rows, int width, int threads) {
    const long reads = std::max(1L, 250'000'000L / width);
    const double took = seconds(threads, [=](int t) {
        constexpr int ahead = 16;
        std::uint64_t state = 88172645463325252ull + (std::uint64_t)t;
        long queue[ahead];
        for (auto& q : queue) q = (long)(next(state) % (std::uint64_t)rows);
        Vector sum = {};
        for (long r = 0; r < reads; ++r) {
            const Vector* at = reinterpret_cast<const Vector*>(x + queue[r % ahead] * width);
            for (int j = 0; j < width / 16; ++j) sum += at[j];
            const long then = (long)(next(state) % (std::uint64_t)rows);
            for (int j = 0; j < width; j += 16) __builtin_prefetch(x + then * width + j);
            queue[r % ahead] = then;
        }
        sink = sum[0];
    });
    return 4.0 * width * (double)reads * threads / took;
}

// Numbers a second added at random places of n floats a thread; the places come in order from a list, as a kernel's do.
extern "C" double scatter(long n, int threads) {
    constexpr long list = 1 << 16, rounds = 1500;
    std::vector<std::vector<float>> sums((std::size_t)threads, std::vector<float>((std::size_t)n));
    std::vector<std::int32_t> place(list);
    std::uint64_t state = 88172645463325252ull;
    for (auto& p : place) p = (std::int32_t)(next(state) % (std::uint64_t)n);
    const double took = seconds(threads, [&](int t) {
        float* sum = sums[(std::size_t)t].data();
        for (long r = 0; r < rounds; ++r)
            for (long i = 0; i < list; ++i) sum[place[(std::size_t)i]] += 1.0f;
        sink = sum[0];
    });
    return (double)list * (double)rounds * threads / took;
}
