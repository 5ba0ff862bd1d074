// The k best items of one query, exactly, from an index that is prepared once: items sorted by norm, their factors in 8
// bits. A block whose norms are too small is passed over; of the others the 8-bit score plus what it may err by bounds
// each item's score, and only what reaches the k-th best is scored from its own factors. So a query reads a quarter of
// the memory, and by Cauchy and Schwarz |q y - q y'| <= |q||y - y'| nothing that belongs into the answer is lost.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <atomic>
#include <bit>
#include <numeric>
#include <optional>

#include "arrays.hpp"
#include "best.hpp"
#include "parallel.hpp"

#define SERENDIP_KERNEL "index_scores.hpp"
#include "each_isa.hpp"

namespace nb = nanobind;

namespace {

using serendip::Best, serendip::Candidate, serendip::Excluded, serendip::norm;
using std::int32_t;
using std::int64_t;

using serendip::In, serendip::InOut;

constexpr int64_t side = 64, block = 256;

std::size_t at(int64_t i) { return static_cast<std::size_t>(i); }

// A sum of `rank` float products errs by less than rank 2^-23 times the product of the norms; here for two such sums.
float rounding(int64_t rank) { return static_cast<float>(rank + 8) * 0x1p-21f; }

// Fills in order, code, scale, slack (what the 8-bit score of a query of length 1 may err by), the raised biases, and
// the largest norm and bias of each block.
void index_prepare(In<float, 2> y, std::optional<In<float, 1>> bias, InOut<int32_t, 1> order, InOut<int32_t, 3> code,
                   InOut<float, 1> scale, InOut<float, 1> slack, std::optional<InOut<float, 1>> raised,
                   InOut<double, 1> longest, InOut<double, 1> highest, int threads) {
    const auto n = static_cast<int64_t>(y.shape(0)), rank = static_cast<int64_t>(y.shape(1));
    const auto panels = static_cast<int64_t>(code.shape(0)), quads = static_cast<int64_t>(code.shape(1));
    std::vector<double> norms(at(n));
    serendip::parallel_for(n, 4096, threads, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) norms[at(i)] = norm(y.data() + i * rank, rank);
    });
    std::iota(order.data(), order.data() + n, 0);
    std::sort(order.data(), order.data() + n, [&](int32_t a, int32_t b) {
        return norms[at(a)] != norms[at(b)] ? norms[at(a)] > norms[at(b)] : a < b;
    });
    serendip::parallel_for(panels, 64, threads, [&](int64_t begin, int64_t end, int) {
        for (int64_t p = begin; p < end; ++p) {
            int32_t* out = code.data() + p * quads * side;
            std::fill(out, out + quads * side, 0);
            for (int64_t i = p * side; i < (p + 1) * side; ++i, ++out) {
                scale.data()[i] = slack.data()[i] = 0;
                if (raised) raised->data()[i] = -std::numeric_limits<float>::infinity();
                if (i >= n) continue;
                const int32_t item = order.data()[i];
                const float* v = y.data() + item * rank;
                float top = 0;
                for (int64_t f = 0; f < rank; ++f) top = std::max(top, std::abs(v[f]));
                const float step = top > 1e-30f && top < 1e30f ? top / 127 : 0;
                double missed = 0;
                for (int64_t f = 0; f < rank; ++f) {
                    const float c = step > 0 ? v[f] / step : 0;
                    const auto whole = static_cast<int32_t>(c < 0 ? c - 0.5f : c + 0.5f);  // from -127 to 127
                    out[f / 4 * side] |= (whole & 255) << (8 * (f % 4));
                    const double off = static_cast<double>(v[f]) - static_cast<double>(step) * whole;
                    missed += off * off;
                }
                missed = std::sqrt(missed);
                scale.data()[i] = step;
                slack.data()[i] = static_cast<float>((missed + rounding(rank) * (norms[at(item)] + missed)) * 1.000001);
                if (raised) {
                    const float b = bias->data()[item];
                    raised->data()[i] = std::isfinite(b) ? b + std::abs(b) * 0x1p-20f : b;
                }
            }
        }
    });
    for (int64_t b = 0; b * block < n; ++b) {
        longest.data()[b] = norms[at(order.data()[b * block])];
        double top = raised ? -std::numeric_limits<double>::infinity() : 0;
        for (int64_t i = b * block; raised && i < std::min(n, (b + 1) * block); ++i)
            if (raised->data()[i] > top) top = raised->data()[i];
        highest.data()[b] = top;
    }
}

void index_top(In<float, 2> q, In<float, 2> y, std::optional<In<float, 1>> bias, In<int32_t, 1> tie,
               In<int32_t, 1> order, In<int32_t, 3> code, In<float, 1> scale, In<float, 1> slack,
               std::optional<In<float, 1>> raised, In<double, 1> longest, In<double, 1> highest,
               std::optional<In<int64_t, 1>> indptr, std::optional<In<int32_t, 1>> indices, InOut<int32_t, 2> item,
               InOut<float, 2> score, int threads) {
    const auto users = static_cast<int64_t>(q.shape(0)), n = static_cast<int64_t>(y.shape(0));
    const auto rank = static_cast<int64_t>(y.shape(1)), k = static_cast<int64_t>(item.shape(1));
    const auto quads = static_cast<int64_t>(code.shape(1)), together = SERENDIP_CHOOSE(candidates_at_once)();
    const auto rough = SERENDIP_CHOOSE(rough);
    const auto exact = SERENDIP_CHOOSE(exact);
    const auto reach = SERENDIP_CHOOSE(reach);
    std::vector<std::vector<Best>> best(at(threads), std::vector<Best>(at(users), Best(k)));
    std::vector<std::atomic<float>> floors(at(users));  // what the best k of some thread reach
    for (auto& floor : floors) floor = -std::numeric_limits<float>::infinity();
    std::vector<double> length(at(users));
    std::vector<float> padded(at(users * quads * 4), 0.0f);  // q in whole words
    for (int64_t u = 0; u < users; ++u) {
        length[at(u)] = norm(q.data() + u * rank, rank) * (1 + 1e-6);
        std::copy_n(q.data() + u * rank, rank, padded.data() + u * quads * 4);
    }
    Excluded excluded(indptr ? indptr->data() : nullptr, indices ? indices->data() : nullptr);
    excluded.read(0, users);
    serendip::parallel_for((n + block - 1) / block, 8, threads, [&](int64_t begin, int64_t end, int thread) {
        for (int64_t b = begin; b < end; ++b)
            for (int64_t u = 0; u < users; ++u) {
                Best& mine = best[at(thread)][at(u)];
                const double most = length[at(u)] * longest.data()[b];
                float floor = std::max(mine.floor(), floors[at(u)].load(std::memory_order_relaxed));
                if (most * (1 + rounding(rank)) + highest.data()[b] + 1e-36 < floor) continue;
                for (int64_t p = b * block; p < std::min(n, (b + 1) * block); p += side) {
                    float out[side];
                    rough(padded.data() + u * quads * 4, code.data() + p * quads, quads, out);
                    auto found = reach(out, scale.data() + p, slack.data() + p, raised ? raised->data() + p : nullptr,
                                       static_cast<float>(length[at(u)]), floor);
                    if (n - p < side) found &= (std::uint64_t{1} << (n - p)) - 1;
                    while (found != 0) {
                        int32_t which[16];
                        const float* rows[16];
                        int64_t count = 0;
                        for (; found != 0 && count < together; found &= found - 1)
                            which[count++] = order.data()[p + std::countr_zero(found)];
                        for (int64_t c = 0; c < together; ++c) rows[c] = y.data() + which[c < count ? c : 0] * rank;
                        exact(q.data() + u * rank, rows, rank, out);
                        for (int64_t c = 0; c < count; ++c) {
                            if (bias) out[c] += bias->data()[which[c]];
                            const Candidate candidate{out[c], tie.data()[which[c]], which[c]};
                            if (out[c] >= floor && mine.admits(candidate) && !excluded.has(u, which[c]))
                                mine.add(candidate);
                        }
                    }
                    if (mine.floor() > floor) {
                        floor = mine.floor();
                        float known = floors[at(u)].load(std::memory_order_relaxed);
                        while (known < floor && !floors[at(u)].compare_exchange_weak(known, floor)) {
                        }
                    }
                }
            }
    });
    for (int64_t u = 0; u < users; ++u) {
        for (int t = 1; t < threads; ++t) best[0][at(u)].take(best[at(t)][at(u)]);
        best[0][at(u)].finish(item.data() + u * k, score.data() + u * k);
    }
}

}  // namespace

void bind_index(nb::module_& m) {
    m.def("index_prepare", &index_prepare, nb::arg("y"), nb::arg("bias").none(), nb::arg("order"), nb::arg("code"),
          nb::arg("scale"), nb::arg("slack"), nb::arg("raised").none(), nb::arg("longest"), nb::arg("highest"),
          nb::arg("threads"));
    m.def("index_top", &index_top, nb::arg("q"), nb::arg("y"), nb::arg("bias").none(), nb::arg("tie"), nb::arg("order"),
          nb::arg("code"), nb::arg("scale"), nb::arg("slack"), nb::arg("raised").none(), nb::arg("longest"),
          nb::arg("highest"), nb::arg("indptr").none(), nb::arg("indices").none(), nb::arg("item"), nb::arg("score"),
          nb::arg("threads"));
}
