// One epoch of learning to rank from pairs by stochastic gradient descent: BPR (Rendle et al., UAI 2009) and WARP
// (Weston, Bengio, Usunier, IJCAI 2011).
//
// Users and items are dealt into groups; block (g, h) holds the positives of user group g and item group h, and its
// negatives are drawn from item group h too. So the blocks of one stratum (Gemulla et al., KDD 2011) share neither
// users nor items: threads never meet, the result does not depend on how many there are, and a block's rows stay in the
// cache. The item groups are drawn anew for each epoch, so that any two items meet. Every draw is a hash of the epoch's
// key and of a counter.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "isa.hpp"
#include "strata.hpp"

namespace nb = nanobind;

namespace {

constexpr uint64_t golden = 0x9E3779B97F4A7C15u;
constexpr uint64_t draws = 64;  // at most so many for a negative of BPR, then the pair is passed over
constexpr int64_t lanes = 16;   // partial sums of a dot product, in an order that no instruction set changes
constexpr int64_t ahead = 8;    // pairs whose rows are fetched before they are needed
constexpr int64_t line = 16;    // floats in a cache line

inline uint64_t mix(uint64_t x) {  // splitmix64
    x += golden;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
inline uint64_t below(uint64_t random, uint64_t n) { return ((random >> 32) * n) >> 32; }  // n < 2^32

// The items that each user took: a filter of 8 to 16 bits an item says no at once for most items; the sorted rows
// decide.
struct Taken {
    const int64_t* begin;  // (n_users + 1,)
    const int32_t* item;
    const int64_t* word;  // (n_users + 1,) where each user's words of the filter begin
    uint64_t* bits;

    uint64_t bit(int64_t user, int32_t i) const {
        const auto size = static_cast<uint64_t>(word[user + 1] - word[user]) * 64;
        return below((static_cast<uint32_t>(i) * 0x9E3779B1ull & 0xFFFFFFFFu) << 32, size);
    }
    void add(int64_t user, int32_t i) const {
        const uint64_t b = bit(user, i);
        bits[word[user] + static_cast<int64_t>(b / 64)] |= uint64_t{1} << (b % 64);
    }
    bool has(int64_t user, int32_t i) const {
        const uint64_t b = bit(user, i);
        if (!(bits[word[user] + static_cast<int64_t>(b / 64)] >> (b % 64) & 1)) return false;
        return std::binary_search(item + begin[user], item + begin[user + 1], i);
    }
};

struct Pairs {
    int32_t *user, *item;           // (N,) by user group; each group's are put in the order of this epoch
    const int64_t* begin;           // (side + 1,) of the user groups
    const uint16_t* item_group;     // (n_items,)
    const int32_t* negative;        // items to draw from, by item group
    const int64_t* negative_begin;  // (side + 1,)
    int64_t side;
};

struct Parameters {
    float *p, *q, *bias;  // (n_users, rank), (n_items, rank), (n_items,)
    int64_t rank;
};

struct Steps {
    float learning_rate, l2, l2_bias;
    int64_t sampled, n_negatives;  // WARP: negatives drawn for a pair at most, and how many items there are
};

[[gnu::always_inline]] inline void fetch(const float* row, int64_t rank) {
    for (int64_t f = 0; f < rank; f += line) __builtin_prefetch(row + f, 1);
}

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec8 __attribute__((vector_size(32)));

// By halves, in registers: stored and added up one by one, a sum takes as long as the products.
[[gnu::always_inline]] inline float total(const float (&partial)[lanes]) {
    vec8 low, high;
    std::memcpy(&low, partial, sizeof low);
    std::memcpy(&high, partial + 8, sizeof high);
    const vec8 half = low + high;
    const vec4 s =
        __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
    return (s[0] + s[2]) + (s[1] + s[3]);
}

[[gnu::always_inline]] inline float score(const Parameters& w, const float* p, int64_t i) {
    const int64_t whole = w.rank - w.rank % lanes;
    const float* q = w.q + i * w.rank;
    float partial[lanes] = {};
    for (int64_t f = 0; f < whole; f += lanes)
        for (int64_t l = 0; l < lanes; ++l) partial[l] += p[f + l] * q[f + l];
    for (int64_t f = whole; f < w.rank; ++f) partial[f - whole] += p[f] * q[f];
    return w.bias[i] + total(partial);
}

// score of i less that of j
[[gnu::always_inline]] inline float margin(const Parameters& w, const float* p, int64_t i, int64_t j) {
    const int64_t whole = w.rank - w.rank % lanes;
    const float *qi = w.q + i * w.rank, *qj = w.q + j * w.rank;
    float partial[lanes] = {};
    for (int64_t f = 0; f < whole; f += lanes)
        for (int64_t l = 0; l < lanes; ++l) partial[l] += p[f + l] * (qi[f + l] - qj[f + l]);
    for (int64_t f = whole; f < w.rank; ++f) partial[f - whole] += p[f] * (qi[f] - qj[f]);
    return w.bias[i] - w.bias[j] + total(partial);
}

// Raise i above j for a user by a step of size z: the gradient of z (s_i - s_j).
[[gnu::always_inline]] inline void raise(const Parameters& w, const Steps& s, float* __restrict p, int64_t i, int64_t j,
                                         float z) {
    float* __restrict qi = w.q + i * w.rank;
    float* __restrict qj = w.q + j * w.rank;
    const float step = s.learning_rate * z, keep = 1 - s.learning_rate * s.l2;
    for (int64_t f = 0; f < w.rank; ++f) {
        const float x = p[f], a = qi[f], b = qj[f];
        p[f] = keep * x + step * (a - b);
        qi[f] = keep * a + step * x;
        qj[f] = keep * b - step * x;
    }
    w.bias[i] += s.learning_rate * (z - s.l2_bias * w.bias[i]);
    w.bias[j] -= s.learning_rate * (z + s.l2_bias * w.bias[j]);
}

struct Block {
    const int32_t *user, *item;  // (n,)
    int64_t n;
    const int32_t* negative;
    uint64_t n_negative, key;

    int32_t draw(int64_t t, uint64_t attempt, uint64_t attempts) const {
        return negative[below(mix(key + static_cast<uint64_t>(t) * attempts + attempt), n_negative)];
    }
};

// The sum of 1 / (1 + exp(s_i - s_j)): near half the pairs at first, 0 where all are in order.
[[gnu::always_inline]] inline double bpr(const Block& block, const Taken& taken, const Parameters& w, const Steps& s) {
    int32_t drawn[ahead];
    const auto prepare = [&](int64_t t) {
        if (t >= block.n) return;
        const int32_t u = block.user[t];
        fetch(w.p + static_cast<int64_t>(u) * w.rank, w.rank);
        fetch(w.q + static_cast<int64_t>(block.item[t]) * w.rank, w.rank);
        int32_t j = -1;
        for (uint64_t attempt = 0; attempt < draws; ++attempt) {
            const int32_t candidate = block.draw(t, attempt, draws);
            if (!taken.has(u, candidate)) {
                j = candidate;
                fetch(w.q + static_cast<int64_t>(j) * w.rank, w.rank);
                break;
            }
        }
        drawn[t % ahead] = j;
    };
    double loss = 0;
    for (int64_t t = 0; t < ahead; ++t) prepare(t);
    for (int64_t t = 0; t < block.n; ++t) {
        const int64_t i = block.item[t], j = drawn[t % ahead];
        prepare(t + ahead);
        if (j < 0) continue;
        float* p = w.p + block.user[t] * w.rank;
        const float z = 1 / (1 + std::exp(margin(w, p, i, j)));
        loss += static_cast<double>(z);
        raise(w, s, p, i, j, z);
    }
    return loss;
}

// The number of pairs for which a negative within the margin was found.
[[gnu::always_inline]] inline double warp(const Block& block, const Taken& taken, const Parameters& w, const Steps& s) {
    const auto attempts = static_cast<uint64_t>(s.sampled);
    double loss = 0;
    for (int64_t t = 0; t < block.n; ++t) {
        if (t + ahead < block.n) {
            fetch(w.p + block.user[t + ahead] * w.rank, w.rank);
            fetch(w.q + block.item[t + ahead] * w.rank, w.rank);
            fetch(w.q + block.draw(t + ahead, 0, attempts) * w.rank, w.rank);
        }
        const int32_t u = block.user[t], i = block.item[t];
        float* p = w.p + u * w.rank;
        const float least = score(w, p, i) - 1;
        int32_t next = block.draw(t, 0, attempts);
        for (uint64_t attempt = 0; attempt < attempts; ++attempt) {
            const int32_t j = next;
            next = block.draw(t, attempt + 1, attempts);
            fetch(w.q + next * w.rank, w.rank);
            if (score(w, p, j) <= least || taken.has(u, j)) continue;
            const int64_t rank = (s.n_negatives - 1) / static_cast<int64_t>(attempt + 1);
            loss += 1;
            raise(w, s, p, i, j, std::log(static_cast<float>(std::max<int64_t>(rank, 1))));
            break;
        }
    }
    return loss;
}

using Learn = double (*)(const Block&, const Taken&, const Parameters&, const Steps&);
double bpr_portable(const Block& b, const Taken& t, const Parameters& w, const Steps& s) { return bpr(b, t, w, s); }
double warp_portable(const Block& b, const Taken& t, const Parameters& w, const Steps& s) { return warp(b, t, w, s); }
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] double bpr_avx2(const Block& b, const Taken& t, const Parameters& w, const Steps& s) {
    return bpr(b, t, w, s);
}
[[gnu::target("avx2,fma")]] double warp_avx2(const Block& b, const Taken& t, const Parameters& w, const Steps& s) {
    return warp(b, t, w, s);
}
#ifdef __clang__
#define SERENDIP_AVX512 "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"
#else
#define SERENDIP_AVX512 "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512"
#endif
[[gnu::target(SERENDIP_AVX512)]] double bpr_avx512(const Block& b, const Taken& t, const Parameters& w,
                                                   const Steps& s) {
    return bpr(b, t, w, s);
}
[[gnu::target(SERENDIP_AVX512)]] double warp_avx512(const Block& b, const Taken& t, const Parameters& w,
                                                    const Steps& s) {
    return warp(b, t, w, s);
}
#endif

// Put the pairs of user group g in order of item group, at random within it; where its blocks begin goes to `begin`.
void order(const Pairs& pairs, int64_t g, uint64_t key, std::vector<int32_t>& scratch, int64_t* begin) {
    const int64_t from = pairs.begin[g], n = pairs.begin[g + 1] - from, side = pairs.side;
    int32_t *user = pairs.user + from, *item = pairs.item + from;
    scratch.resize(2 * static_cast<size_t>(n));
    std::copy_n(user, n, scratch.data());
    std::copy_n(item, n, scratch.data() + n);
    std::vector<int64_t> next(side + 1, 0);
    for (int64_t t = 0; t < n; ++t) ++next[pairs.item_group[item[t]] + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (int64_t h = 0; h <= side; ++h) begin[h] = from + next[h];
    for (int64_t t = 0; t < n; ++t) {
        const int32_t i = scratch[n + t];
        const int64_t to = next[pairs.item_group[i]]++;
        user[to] = scratch[t];
        item[to] = i;
    }
    for (int64_t h = 0; h < side; ++h) {  // Fisher, Yates
        const uint64_t own = mix(key + static_cast<uint64_t>(g * side + h));
        for (int64_t t = begin[h + 1] - from - 1, low = begin[h] - from; t > low; --t) {
            const auto r = low + static_cast<int64_t>(below(mix(own + static_cast<uint64_t>(t - low)), t - low + 1));
            std::swap(user[t], user[r]);
            std::swap(item[t], item[r]);
        }
    }
}

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

double epoch(bool is_bpr, Vector<int32_t> user, Vector<int32_t> item, Vector<const int64_t> begin,
             Vector<const uint16_t> item_group, Vector<const int32_t> negative, Vector<const int64_t> negative_begin,
             Vector<const int64_t> shift, Vector<const int64_t> indptr, Vector<const int32_t> indices,
             Vector<const int64_t> word, Vector<uint64_t> bits, Matrix<float> p, Matrix<float> q, Vector<float> bias,
             uint64_t key, float learning_rate, float l2, float l2_bias, int64_t sampled, int64_t n_negatives,
             int threads) {
    const auto side = static_cast<int64_t>(shift.shape(0));
    const Pairs pairs{user.data(),     item.data(),           begin.data(), item_group.data(),
                      negative.data(), negative_begin.data(), side};
    const Taken taken{indptr.data(), indices.data(), word.data(), bits.data()};
    const Parameters parameters{p.data(), q.data(), bias.data(), static_cast<int64_t>(p.shape(1))};
    const Steps steps{learning_rate, l2, l2_bias, sampled, n_negatives};
    Learn learn = is_bpr ? &bpr_portable : &warp_portable;
#if SERENDIP_X86
    if (serendip::isa() == serendip::Isa::avx512) learn = is_bpr ? &bpr_avx512 : &warp_avx512;
    if (serendip::isa() == serendip::Isa::avx2) learn = is_bpr ? &bpr_avx2 : &warp_avx2;
#endif
    std::vector<int64_t> at(side * (side + 1));
    std::vector<std::vector<int32_t>> scratch(std::max(threads, 1));
    serendip::parallel_for(side, 1, threads, [&](int64_t first, int64_t last, int thread) {
        for (int64_t g = first; g < last; ++g) order(pairs, g, mix(key), scratch[thread], &at[g * (side + 1)]);
    });
    std::vector<double> loss(side * side, 0);
    serendip::for_strata(side, shift.data(), threads, [&](int64_t g, int64_t h) {
        const int64_t from = at[g * (side + 1) + h];
        const Block block{pairs.user + from,
                          pairs.item + from,
                          at[g * (side + 1) + h + 1] - from,
                          pairs.negative + pairs.negative_begin[h],
                          static_cast<uint64_t>(pairs.negative_begin[h + 1] - pairs.negative_begin[h]),
                          mix(mix(key + 1) + static_cast<uint64_t>(g * side + h))};
        if (block.n_negative > 0) loss[g * side + h] = learn(block, taken, parameters, steps);
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // an epoch may be too short to be asked within
    return std::accumulate(loss.begin(), loss.end(), 0.0);
}

void filter(Vector<const int64_t> indptr, Vector<const int32_t> indices, Vector<const int64_t> word,
            Vector<uint64_t> bits, int threads) {
    const Taken taken{indptr.data(), indices.data(), word.data(), bits.data()};
    serendip::parallel_for(static_cast<int64_t>(indptr.shape(0)) - 1, 1024, threads, [&](int64_t u, int64_t end, int) {
        for (; u < end; ++u)
            for (int64_t t = taken.begin[u]; t < taken.begin[u + 1]; ++t) taken.add(u, taken.item[t]);
    });
}

}  // namespace

void bind_pairwise(nb::module_& module) {
    module.def("pairwise_epoch", &epoch, nb::arg("is_bpr"), nb::arg("user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("begin").noconvert(), nb::arg("item_group").noconvert(), nb::arg("negative").noconvert(),
               nb::arg("negative_begin").noconvert(), nb::arg("shift").noconvert(), nb::arg("indptr").noconvert(),
               nb::arg("indices").noconvert(), nb::arg("word").noconvert(), nb::arg("bits").noconvert(),
               nb::arg("p").noconvert(), nb::arg("q").noconvert(), nb::arg("bias").noconvert(), nb::arg("key"),
               nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"), nb::arg("sampled"), nb::arg("n_negatives"),
               nb::arg("threads"));
    module.def("pairwise_filter", &filter);
}
