// The k best items of many users where the machine multiplies bytes (AVX-512 VNNI): the factors are rounded to 8 bits,
// a score of those and what it may err by bound the score, and only items that reach the k-th best so far are scored
// from their own factors. With q' and y' what the codes stand for, q y - q'y' = q'(y - y') + (q - q')y, and so by
// Cauchy and Schwarz nothing that belongs into the answer is lost.
#pragma once

#include "isa.hpp"

#if SERENDIP_X86
#if defined(__GNUC__) && !defined(__clang__)  // before version 13 it finds fault with its own header (PR105593)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include "best.hpp"
#include "parallel.hpp"
#include "topk_order.hpp"

#define SERENDIP_VNNI __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,popcnt")))
#ifdef __clang__
#define SERENDIP_UNROLL _Pragma("unroll")
#else
#define SERENDIP_UNROLL _Pragma("GCC unroll 16")
#endif

namespace serendip::coded {

constexpr int64_t block = ByNorm::block, panel = 32, tile = 8, batch = 16, few = 32;

// What a vector of factors is rounded to: `scale` times whole numbers from -127 to 127.
struct Rounded {
    double scale, inverse;  // 1 / scale
    double length, missed;  // length: of what the codes stand for; missed: what lies between, both rounded up
    int32_t sum;
};

// Codes of v: four a word, `raised` added to each; `stride` words lie between two.
SERENDIP_VNNI inline Rounded round(const float* v, int64_t rank, float top, int raised, int32_t* code, int64_t stride) {
    const bool fits = top > 1e-30f && top < 1e30f;  // or else every code is 0
    const float scale = fits ? top / 127 : 1.0f;
    const __m512 inverse = _mm512_set1_ps(fits ? 1 / scale : 0.0f);
    __m512 length = _mm512_setzero_ps(), missed = length;
    __m512i sum = _mm512_setzero_si512();
    for (int64_t f = 0; f < rank; f += 16) {
        const auto there = static_cast<__mmask16>(rank - f < 16 ? (1 << (rank - f)) - 1 : 0xffff);
        const __m512 x = _mm512_maskz_loadu_ps(there, v + f);
        __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
        whole = _mm512_max_epi32(_mm512_min_epi32(whole, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
        const __m512 near = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), _mm512_set1_ps(scale));
        const __m512 off = _mm512_sub_ps(x, near);
        length = _mm512_fmadd_ps(near, near, length);
        missed = _mm512_fmadd_ps(off, off, missed);
        sum = _mm512_add_epi32(sum, whole);
        alignas(16) int32_t words[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(words),
                        _mm512_cvtepi32_epi8(_mm512_add_epi32(whole, _mm512_set1_epi32(raised))));
        for (int64_t w = 0; w < 4 && f + 4 * w < rank; ++w) code[(f / 4 + w) * stride] = words[w];
    }
    const double l = std::sqrt(static_cast<double>(_mm512_reduce_add_ps(length))) * (1 + 1e-4) + 1e-18;
    const double m = std::sqrt(static_cast<double>(_mm512_reduce_add_ps(missed))) * (1 + 1e-4) + 1e-18;
    return {static_cast<double>(scale), 1 / static_cast<double>(scale), l, m + 1e-6 * l, _mm512_reduce_add_epi32(sum)};
}

SERENDIP_VNNI inline float largest(const float* v, int64_t rank) {
    __m512 top = _mm512_setzero_ps();
    for (int64_t f = 0; f < rank; f += 16) {
        const auto there = static_cast<__mmask16>(rank - f < 16 ? (1 << (rank - f)) - 1 : 0xffff);
        top = _mm512_max_ps(top, _mm512_abs_ps(_mm512_maskz_loadu_ps(there, v + f)));
    }
    return _mm512_reduce_max_ps(top);
}

// out[u][i] = sum over f of q[u][f] code[f][i] for a tile of users and a block of items, in panels.
SERENDIP_VNNI inline void score(const int32_t* const* q, const int32_t* code, int64_t quads, int32_t* out) {
    for (int64_t i = 0; i < block; i += panel) {
        __m512i s[tile][2];
        SERENDIP_UNROLL for (int u = 0; u < tile; ++u) s[u][0] = s[u][1] = _mm512_setzero_si512();
        for (int64_t f = 0; f < quads; ++f, code += panel) {
            const __m512i a = _mm512_loadu_si512(code), b = _mm512_loadu_si512(code + 16);
            SERENDIP_UNROLL for (int u = 0; u < tile; ++u) {
                const __m512i w = _mm512_set1_epi32(q[u][f]);
                s[u][0] = _mm512_dpbusd_epi32(s[u][0], a, w);
                s[u][1] = _mm512_dpbusd_epi32(s[u][1], b, w);
            }
        }
        SERENDIP_UNROLL for (int u = 0; u < tile; ++u) {
            _mm512_storeu_si512(out + u * block + i, s[u][0]);
            _mm512_storeu_si512(out + u * block + i + 16, s[u][1]);
        }
    }
}

using Bits = std::array<std::uint64_t, block / 64>;

inline Bits first_of(int64_t count) {
    Bits bits;
    for (std::size_t w = 0; w < bits.size(); ++w) {
        const int64_t left = count - 64 * static_cast<int64_t>(w);
        bits[w] = left >= 64 ? ~std::uint64_t{0} : left > 0 ? (std::uint64_t{1} << left) - 1 : 0;
    }
    return bits;
}

// Finds which of the scores that are `allowed` lie in [low, high); returns how many.
SERENDIP_VNNI inline int64_t within(const int32_t* s, const Bits& allowed, int32_t low, int32_t high, Bits& found) {
    const __m512i from = _mm512_set1_epi32(low), to = _mm512_set1_epi32(high);
    int64_t many = 0;
    for (int64_t w = 0; w < block / 64; ++w) {
        std::uint64_t bits = 0;
        SERENDIP_UNROLL for (int v = 0; v < 4; ++v) {
            const __m512i x = _mm512_loadu_si512(s + 64 * w + 16 * v);
            const __mmask16 hit = _mm512_mask_cmplt_epi32_mask(_mm512_cmpge_epi32_mask(x, from), x, to);
            bits |= static_cast<std::uint64_t>(hit) << (16 * v);
        }
        bits &= allowed[static_cast<std::size_t>(w)];
        found[static_cast<std::size_t>(w)] = bits;
        many += __builtin_popcountll(bits);
    }
    return many;
}

// A bar that 16 to 32 of the scores in [low, high) reach, where they differ enough; low where all do.
SERENDIP_VNNI inline int32_t bar_of_few(const int32_t* s, const Bits& allowed, int32_t low, int32_t high) {
    int32_t least = s[0], most = s[0];
    for (int64_t i = 1; i < block; ++i) {
        least = s[i] < least ? s[i] : least;
        most = s[i] > most ? s[i] : most;
    }
    int64_t below = low > least ? low : least, above = most < high ? int64_t{most} + 1 : high;
    Bits found;
    while (above - below > 1) {
        const auto middle = static_cast<int32_t>((below + above) / 2);
        const int64_t many = within(s, allowed, middle, high, found);
        (many < batch ? above : below) = middle;
        if (many >= batch && many <= few) break;
    }
    return below > least ? static_cast<int32_t>(below) : low;
}

// Scores of 16 items as topk_scores.hpp sums them, to the bit: each in a lane, in the order of the factors.
SERENDIP_VNNI inline void exact(const float* q, const float* const* y, int64_t rank, float* out) {
    __m512 s = _mm512_setzero_ps();
    for (int64_t f = 0; f < rank; f += 16) {
        const auto there = static_cast<__mmask16>(rank - f < 16 ? (1 << (rank - f)) - 1 : 0xffff);
        alignas(64) float w[16];
        _mm512_store_ps(w, _mm512_maskz_loadu_ps(there, q + f));  // beyond the last factor 0 times 0 is added
        __m512 a[16], b[16];
        SERENDIP_UNROLL for (int i = 0; i < 16; ++i) a[i] = _mm512_maskz_loadu_ps(there, y[i] + f);
        SERENDIP_UNROLL for (int i = 0; i < 16; i += 2) {  // 16 x 16 transposed: pairs, quads, then quarters
            b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
            b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
        }
        SERENDIP_UNROLL for (int i = 0; i < 16; i += 4) {
            a[i] = _mm512_shuffle_ps(b[i], b[i + 2], 0x44);
            a[i + 1] = _mm512_shuffle_ps(b[i], b[i + 2], 0xee);
            a[i + 2] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0x44);
            a[i + 3] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0xee);
        }
        SERENDIP_UNROLL for (int i = 0; i < 4; ++i) {
            b[i] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
            b[i + 4] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
            b[i + 8] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
            b[i + 12] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
        }
        SERENDIP_UNROLL for (int i = 0; i < 4; ++i) {
            a[i] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0x88);
            a[i + 8] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0xdd);
            a[i + 4] = _mm512_shuffle_f32x4(b[i + 4], b[i + 12], 0x88);
            a[i + 12] = _mm512_shuffle_f32x4(b[i + 4], b[i + 12], 0xdd);
        }
        SERENDIP_UNROLL for (int i = 0; i < 16; ++i) s += _mm512_set1_ps(w[i]) * a[i];  // fused where the others are
    }
    _mm512_storeu_ps(out, s);
}

// What users [begin, end) must not get, block by block and in each by user: read once, in order.
class LeftOut {
public:
    // place: where an item stands by norm.
    LeftOut(const Ask& ask, const std::vector<int32_t>& place, int64_t blocks, int64_t begin, int64_t end)
        : start_(static_cast<std::size_t>(blocks + 1)) {
        if (ask.indptr == nullptr) return;
        pairs_.resize(static_cast<std::size_t>(ask.indptr[end] - ask.indptr[begin]));
        const auto of = [&](int64_t t) { return place[static_cast<std::size_t>(ask.indices[t])]; };
        for (int64_t t = ask.indptr[begin]; t < ask.indptr[end]; ++t) ++start_[static_cast<std::size_t>(of(t) / block)];
        std::partial_sum(start_.begin(), start_.end(), start_.begin());
        for (int64_t u = end; u-- > begin;)  // from the back: start_ then holds where each block begins
            for (int64_t t = ask.indptr[u]; t < ask.indptr[u + 1]; ++t) {
                const int32_t p = of(t);
                pairs_[static_cast<std::size_t>(--start_[static_cast<std::size_t>(p / block)])] = {u, p % block};
            }
    }

    void begin(int64_t b) {
        next_ = start_[static_cast<std::size_t>(b)];
        end_ = start_[static_cast<std::size_t>(b + 1)];
    }

    // Takes from `allowed` what the user must not get of the present block. Users come in order.
    void strike(int64_t user, Bits& allowed) {
        for (; next_ < end_ && pairs_[static_cast<std::size_t>(next_)].user <= user; ++next_) {
            const auto [owner, at] = pairs_[static_cast<std::size_t>(next_)];
            if (owner == user) allowed[static_cast<std::size_t>(at / 64)] &= ~(std::uint64_t{1} << (at % 64));
        }
    }

private:
    struct Pair {
        int64_t user, at;
    };

    std::vector<int64_t> start_;
    std::vector<Pair> pairs_;
    int64_t next_ = 0, end_ = 0;
};

class Coded {
public:
    // Whether it can answer, and is faster than whole scores: no bias, sums that cannot overflow, k far below n.
    static bool serves(const Ask& ask, double longest_user, double longest_item) {
        return vnni() && ask.bias == nullptr && ask.rank > 0 && ask.rank <= 65536 && ask.k * 64 <= ask.n &&
               longest_user < 1e18 && longest_item < 1e18;
    }

    Coded(const Ask& ask, const ByNorm& items)
        : ask_(ask),
          items_(items),
          quads_((ask.rank + 3) / 4),
          blocks_((ask.n + block - 1) / block),
          code_(std::make_unique_for_overwrite<int32_t[]>(at(blocks_ * block * quads_))),
          once_(std::make_unique<std::once_flag[]>(at(blocks_))),
          rounded_(at(blocks_)) {
        if (ask.indptr == nullptr) return;
        place_.resize(at(ask.n));
        for (int64_t i = 0; i < ask.n; ++i) place_[at(items.order[at(i)])] = static_cast<int32_t>(i);
    }

    void run() {
        // Users a chunk: enough to use a block in the cache often, few enough to answer Ctrl-C and to share out.
        const int64_t most = (int64_t{1} << 33) / (ask_.n * ask_.rank) / tile;
        const int64_t share = ask_.users / (8 * ask_.threads) / tile + 1;
        const int64_t chunk = std::clamp<int64_t>(std::min(most, share), 1, 32) * tile;
        parallel_for(ask_.users, chunk, ask_.threads, [&](int64_t begin, int64_t end, int) { serve(begin, end); });
    }

private:
    struct Pending {
        double most;  // what the score does not exceed
        int32_t item;
    };

    struct User {
        User(int64_t u, int64_t k) : at(u), best(k) {}
        int64_t at;
        Rounded rounded{};
        double length = 0;
        const int32_t* code = nullptr;
        Best best;
        std::array<Pending, batch> pending;
        int64_t waiting = 0;
    };

    static std::size_t at(int64_t i) { return static_cast<std::size_t>(i); }

    void serve(int64_t begin, int64_t end) {
        LeftOut left_out(ask_, place_, blocks_, begin, end);
        std::vector<User> users;
        users.reserve(at(end - begin));
        std::vector<int32_t> code(at((end - begin) * quads_));
        std::vector<int32_t> scores(at(tile * block));
        for (int64_t u = begin; u < end; ++u) {
            User& user = users.emplace_back(u, ask_.k);
            const float* q = ask_.q + u * ask_.rank;
            int32_t* own = code.data() + (u - begin) * quads_;
            user.rounded = round(q, ask_.rank, largest(q, ask_.rank), 0, own, 1);
            user.length = norm(q, ask_.rank);
            user.code = own;
        }
        std::vector<User*> open;  // users whom a block may still serve
        for (User& user : users) open.push_back(&user);
        for (int64_t b = 0; b < blocks_; ++b) {
            const double longest = items_.longest[at(b)] * (1 + float_error());
            std::erase_if(open, [&](const User* user) {
                return user->length * longest + 1e-37 < static_cast<double>(user->best.floor());
            });
            if (open.empty()) break;
            std::call_once(once_[at(b)], [&] { encode(b); });
            left_out.begin(b);
            const Bits whole = first_of(std::min(block, ask_.n - b * block));
            const auto left = static_cast<int64_t>(open.size());
            for (int64_t first = 0; first < left; first += tile) {
                const int64_t in_tile = std::min(tile, left - first);
                const int32_t* q[tile];
                for (int64_t u = 0; u < tile; ++u) q[u] = open[at(first + std::min(u, in_tile - 1))]->code;
                score(q, code_.get() + b * block * quads_, quads_, scores.data());
                for (int64_t u = 0; u < in_tile; ++u) {
                    User& user = *open[at(first + u)];
                    Bits allowed = whole;
                    left_out.strike(user.at, allowed);
                    take(user, scores.data() + u * block, b, allowed);
                }
            }
        }
        for (User& user : users) {
            settle(user);
            user.best.finish(ask_.item + user.at * ask_.k, ask_.score + user.at * ask_.k);
        }
    }

    // A sum of `rank` float products errs by less than this times the product of the norms.
    double float_error() const { return static_cast<double>(ask_.rank + 4) * 0x1p-23; }

    void encode(int64_t b) {
        const int64_t first = b * block, count = std::min(block, ask_.n - first);
        int32_t* code = code_.get() + b * block * quads_;
        if (count < block) std::fill(code, code + block * quads_, 0);
        const int32_t* order = items_.order.data() + first;
        float top = 0;
        for (int64_t i = 0; i < count; ++i) {
            if (i + 8 < count) prefetch(order[i + 8]);
            top = std::max(top, largest(ask_.y + order[i] * ask_.rank, ask_.rank));
        }
        Rounded& all = rounded_[at(b)];
        all = {};
        for (int64_t i = 0; i < count; ++i) {
            const Rounded one = round(ask_.y + order[i] * ask_.rank, ask_.rank, top, 128,
                                      code + i / panel * panel * quads_ + i % panel, panel);
            all = {one.scale, one.inverse, std::max(all.length, one.length), std::max(all.missed, one.missed), 0};
        }
    }

    void prefetch(int32_t item) const {
        const char* row = reinterpret_cast<const char*>(ask_.y + item * ask_.rank);
        for (int64_t o = 0; o < 4 * ask_.rank; o += 64) __builtin_prefetch(row + o);
    }

    // Takes up what of a block reaches the k-th best so far: the best first, so that the bar is soon high.
    void take(User& user, const int32_t* scores, int64_t b, const Bits& allowed) {
        const Rounded &mine = user.rounded, &theirs = rounded_[at(b)];
        const double unit = mine.scale * theirs.scale, inverse = mine.inverse * theirs.inverse;
        const double longest = items_.longest[at(b)];
        const double slack = (mine.length * theirs.missed + mine.missed * longest +
                              user.length * longest * float_error()) * (1 + 1e-6) + 1e-37;
        const int32_t shift = 128 * mine.sum;
        Bits found;
        for (int32_t high = std::numeric_limits<int32_t>::max();;) {
            const double bar = (static_cast<double>(user.best.floor()) - slack) * inverse + shift;
            const int32_t low = static_cast<int32_t>(std::clamp(bar, -2147483647.0, 2147483646.0)) - 1;  // rounded down
            if (low >= high) return;
            int32_t from = low;
            if (within(scores, allowed, low, high, found) > few) {
                from = bar_of_few(scores, allowed, low, high);
                within(scores, allowed, from, high, found);
            }
            for (std::size_t w = 0; w < found.size(); ++w)
                for (std::uint64_t bits = found[w]; bits != 0; bits &= bits - 1) {
                    const int64_t i = static_cast<int64_t>(64 * w) + __builtin_ctzll(bits);
                    const int32_t item = items_.order[at(b * block + i)];
                    prefetch(item);
                    user.pending[at(user.waiting++)] = {static_cast<double>(scores[i] - shift) * unit + slack, item};
                    if (user.waiting == batch) weigh(user);
                }
            if (from == low) return;
            high = from;
        }
    }

    // Scores what waits from its own factors, unless the bar has risen above some of it.
    void weigh(User& user) {
        const auto floor = static_cast<double>(user.best.floor());
        const auto end = std::remove_if(user.pending.begin(), user.pending.begin() + user.waiting,
                                        [&](const Pending& one) { return one.most < floor; });
        user.waiting = end - user.pending.begin();
        if (user.waiting == batch) settle(user);
    }

    void settle(User& user) {
        if (user.waiting == 0) return;
        const float* rows[batch];
        float out[batch];
        for (int64_t i = 0; i < batch; ++i)
            rows[i] = ask_.y + user.pending[at(i < user.waiting ? i : 0)].item * ask_.rank;
        exact(ask_.q + user.at * ask_.rank, rows, ask_.rank, out);
        for (int64_t i = 0; i < user.waiting; ++i) {
            if (!(out[i] >= user.best.floor())) continue;
            const int32_t item = user.pending[at(i)].item;
            const Candidate candidate{out[i], ask_.tie[item], item};
            if (user.best.admits(candidate)) user.best.add(candidate);
        }
        user.best.settle();
        user.waiting = 0;
    }

    const Ask ask_;
    const ByNorm& items_;
    int64_t quads_, blocks_;
    std::unique_ptr<int32_t[]> code_;  // by block and panel: [f / 4][item], four factors a word, each + 128
    std::unique_ptr<std::once_flag[]> once_;  // a block is encoded when a user first reaches it
    std::vector<int32_t> place_;              // where an item stands by norm
    std::vector<Rounded> rounded_;            // what holds for every item of a block
};

}  // namespace serendip::coded

#undef SERENDIP_UNROLL
#undef SERENDIP_VNNI
#endif
