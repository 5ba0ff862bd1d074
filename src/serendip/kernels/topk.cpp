// The k best items of many users, exactly, without ever holding a users x items matrix: blocks of items stay in the
// cache, are scored for a tile of users, and only what beats a user's k-th best is looked at again.
//
// With many users the items are sorted by norm first: by Cauchy and Schwarz |q| max|y| + max bias bounds a block's
// scores, and a block that cannot enter is not scored (the idea of LEMP: Teflioudi, Gemulla, Mykytiuk, SIGMOD 2015,
// reduced to its first step). Where the machine multiplies bytes, items are scored by their factors in 8 bits first
// (topk_coded.hpp).
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "best.hpp"
#include "parallel.hpp"
#include "topk_coded.hpp"
#include "topk_order.hpp"

#define SERENDIP_KERNEL "topk_scores.hpp"
#include "each_isa.hpp"

namespace nb = nanobind;

namespace {

using std::int32_t;
using std::int64_t;

using serendip::In, serendip::InOut;

using serendip::Ask, serendip::Best, serendip::ByNorm, serendip::Candidate, serendip::Excluded, serendip::norm;

constexpr int64_t block_items = ByNorm::block;

class Dot {
public:
    explicit Dot(const Ask& ask) : ask_(ask), tile_(SERENDIP_CHOOSE(users_in_tile)()) {
        for (int t = 0; t < ask.threads; ++t) scores_.emplace_back(tile_ * block_items);
    }

    // Few users: threads share out the items, pack a block where it is needed, and the lists are merged. Nothing is
    // prepared.
    void few() {
        std::vector<std::vector<Best>> best(static_cast<std::size_t>(ask_.threads),
                                            std::vector<Best>(static_cast<std::size_t>(ask_.users), Best(ask_.k)));
        std::vector<std::vector<float>> panels(static_cast<std::size_t>(ask_.threads),
                                               std::vector<float>(static_cast<std::size_t>(block_items * ask_.rank)));
        Excluded excluded(ask_.indptr, ask_.indices);
        excluded.read(0, ask_.users);
        std::vector<int64_t> all(static_cast<std::size_t>(ask_.users));
        std::iota(all.begin(), all.end(), 0);
        const int64_t blocks = (ask_.n + block_items - 1) / block_items;
        serendip::parallel_for(blocks, 4, ask_.threads, [&](int64_t begin, int64_t end, int thread) {
            const auto t = static_cast<std::size_t>(thread);
            for (int64_t block = begin; block < end; ++block) {
                const int64_t first = block * block_items, count = std::min(block_items, ask_.n - first);
                pack_(ask_.y, ask_.rank, nullptr, first, count, panels[t].data());
                for (int64_t u = 0; u < ask_.users; u += tile_)
                    visit(all.data() + u, std::min(tile_, ask_.users - u), panels[t].data(), nullptr, first, count,
                          best[t].data(), excluded, thread);
            }
        });
        for (int64_t u = 0; u < ask_.users; ++u) {
            const auto user = static_cast<std::size_t>(u);
            for (std::size_t t = 1; t < best.size(); ++t) best[0][user].take(best[t][user]);
            best[0][user].finish(ask_.item + u * ask_.k, ask_.score + u * ask_.k);
        }
    }

    // Many users: items are sorted by norm, threads share out the users, and blocks that cannot enter are skipped. A
    // block is packed when a user first reaches it.
    void many() {
        const ByNorm items(norms(ask_.y, ask_.n));
#if SERENDIP_X86
        const std::vector<float> lengths = norms(ask_.q, ask_.users);
        if (serendip::coded::Coded::serves(ask_, *std::max_element(lengths.begin(), lengths.end()), items.longest[0])) {
            serendip::coded::Coded(ask_, items).run();
            return;
        }
#endif
        const int32_t* order = items.order.data();
        const int64_t rank = ask_.rank, blocks = (ask_.n + block_items - 1) / block_items;
        // What no bias of a block or of one after it exceeds: a user who is past a block is past all that follow.
        std::vector<double> top_bias(static_cast<std::size_t>(blocks), 0);
        double top = -std::numeric_limits<double>::infinity();
        for (int64_t i = ask_.n; ask_.bias != nullptr && i-- > 0;) {
            top = std::max(top, static_cast<double>(ask_.bias[order[i]]));
            top_bias[static_cast<std::size_t>(i / block_items)] = top;
        }
        const auto room = static_cast<std::size_t>(blocks * block_items * rank);
        const auto panels = std::make_unique_for_overwrite<float[]>(room);
        const auto once = std::make_unique<std::once_flag[]>(static_cast<std::size_t>(blocks));

        // Users a chunk: enough to use a block in the cache often, few enough to answer Ctrl-C.
        const int64_t chunk =
            std::clamp<int64_t>((int64_t{1} << 31) / std::max<int64_t>(ask_.n * rank, 1) / tile_, 1, 32) * tile_;
        std::vector<std::vector<Best>> best(static_cast<std::size_t>(ask_.threads),
                                            std::vector<Best>(static_cast<std::size_t>(chunk), Best(ask_.k)));
        std::vector<Excluded> excluded(static_cast<std::size_t>(ask_.threads), Excluded(ask_.indptr, ask_.indices));
        serendip::parallel_for(ask_.users, chunk, ask_.threads, [&](int64_t begin, int64_t end, int thread) {
            const auto t = static_cast<std::size_t>(thread);
            excluded[t].read(begin, end);
            std::vector<double> length;
            for (int64_t u = begin; u < end; ++u) length.push_back(norm(ask_.q + u * rank, rank));
            std::vector<int64_t> open(static_cast<std::size_t>(end - begin));  // users whom a block may still serve
            std::iota(open.begin(), open.end(), begin);
            for (int64_t block = 0; block < blocks; ++block) {
                const int64_t first = block * block_items, count = std::min(block_items, ask_.n - first);
                const double longest = items.longest[static_cast<std::size_t>(block)];
                const double highest = top_bias[static_cast<std::size_t>(block)];
                std::erase_if(open, [&](int64_t u) {
                    const auto at = static_cast<std::size_t>(u - begin);
                    return bound(length[at] * longest, highest) < best[t][at].floor();
                });
                if (open.empty()) break;
                float* panel = panels.get() + first * rank;
                std::call_once(once[static_cast<std::size_t>(block)],
                               [&] { pack_(ask_.y, rank, order, first, count, panel); });
                const auto left = static_cast<int64_t>(open.size());
                for (int64_t u = 0; u < left; u += tile_)
                    visit(open.data() + u, std::min(tile_, left - u), panel, order, first, count,
                          best[t].data() - begin, excluded[t], thread);
            }
            for (int64_t u = begin; u < end; ++u)
                best[t][static_cast<std::size_t>(u - begin)].finish(ask_.item + u * ask_.k, ask_.score + u * ask_.k);
        });
    }

private:
    std::vector<float> norms(const float* v, int64_t n) const {
        std::vector<float> out(static_cast<std::size_t>(n));
        const auto find = SERENDIP_CHOOSE(norms);
        serendip::parallel_for(n, 8192, ask_.threads,
                               [&](int64_t begin, int64_t end, int) { find(v, ask_.rank, begin, end, out.data()); });
        return out;
    }

    // No score computed in float32 exceeds this: a sum of `rank` products errs by less than rank 2^-23 of |q||y|, the
    // bias adds one rounding.
    double bound(double product, double bias) const {
        if (product > 1e38) return std::numeric_limits<double>::infinity();  // a partial sum may overflow
        const double sum = product * (1 + static_cast<double>(ask_.rank + 2) * 0x1p-23) + bias;
        return sum + (std::abs(product) + std::abs(bias)) * 0x1p-22 + 1e-37;
    }

    // Scores a block for a tile of users and keeps what enters; best[u] belongs to user u.
    void visit(const int64_t* users, int64_t in_tile, const float* panels, const int32_t* order, int64_t first,
               int64_t count, Best* best, Excluded& excluded, int thread) {
        float* scores = scores_[static_cast<std::size_t>(thread)].data();
        const float* rows[16];
        for (int64_t u = 0; u < tile_; ++u) rows[u] = ask_.q + users[std::min(u, in_tile - 1)] * ask_.rank;
        compute_(rows, panels, ask_.rank, count, scores, block_items);
        for (int64_t at = 0; at < in_tile; ++at, scores += block_items) {
            const int64_t u = users[at];
            Best& mine = best[u];
            if (ask_.bias != nullptr)
                for (int64_t i = 0; i < count; ++i) scores[i] += ask_.bias[order ? order[first + i] : first + i];
            for (int64_t i = find_(scores, 0, count, mine.floor()); i < count;
                 i = find_(scores, i + 1, count, mine.floor())) {
                const auto item = order ? order[first + i] : static_cast<int32_t>(first + i);
                const Candidate candidate{scores[i], ask_.tie[item], item};
                if (mine.admits(candidate) && !excluded.has(u, item)) mine.add(candidate);
            }
            mine.settle();
        }
    }

    const Ask ask_;
    int64_t tile_;
    std::vector<std::vector<float>> scores_;
    decltype(&serendip::portable::pack) pack_ = SERENDIP_CHOOSE(pack);
    decltype(&serendip::portable::score) compute_ = SERENDIP_CHOOSE(score);
    decltype(&serendip::portable::find) find_ = SERENDIP_CHOOSE(find);
};

constexpr int64_t many_users = 128;  // from here on sorting and packing the items pays

void topk_dot(In<float, 2> q, In<float, 2> y, std::optional<In<float, 1>> bias, In<int32_t, 1> tie,
              std::optional<In<int64_t, 1>> indptr, std::optional<In<int32_t, 1>> indices, InOut<int32_t, 2> item,
              InOut<float, 2> score, int threads) {
    const Ask ask{.q = q.data(),
                  .y = y.data(),
                  .bias = bias ? bias->data() : nullptr,
                  .tie = tie.data(),
                  .indptr = indptr ? indptr->data() : nullptr,
                  .indices = indices ? indices->data() : nullptr,
                  .item = item.data(),
                  .score = score.data(),
                  .users = static_cast<int64_t>(q.shape(0)),
                  .n = static_cast<int64_t>(y.shape(0)),
                  .rank = static_cast<int64_t>(y.shape(1)),
                  .k = static_cast<int64_t>(item.shape(1)),
                  .threads = threads};
    Dot dot(ask);
    if (ask.users < many_users || ask.n == 0) {
        dot.few();
    } else {
        dot.many();
    }
}

void topk_dense(In<float, 2> scores, In<int32_t, 1> tie, std::optional<In<int32_t, 2>> items,
                std::optional<In<int64_t, 1>> indptr, std::optional<In<int32_t, 1>> indices, InOut<int32_t, 2> item,
                InOut<float, 2> score, int threads) {
    const auto users = static_cast<int64_t>(scores.shape(0)), n = static_cast<int64_t>(scores.shape(1));
    const auto k = static_cast<int64_t>(item.shape(1));
    const auto find = SERENDIP_CHOOSE(find);
    std::vector<Best> bests(static_cast<std::size_t>(threads), Best(k));
    std::vector<Excluded> excluded(static_cast<std::size_t>(threads),
                                   Excluded(indptr ? indptr->data() : nullptr, indices ? indices->data() : nullptr));
    serendip::parallel_for(users, 8, threads, [&](int64_t begin, int64_t end, int thread) {
        Best& best = bests[static_cast<std::size_t>(thread)];
        Excluded& out = excluded[static_cast<std::size_t>(thread)];
        out.read(begin, end);
        for (int64_t u = begin; u < end; ++u) {
            const float* s = scores.data() + u * n;
            for (int64_t i = find(s, 0, n, best.floor()); i < n; i = find(s, i + 1, n, best.floor())) {
                const auto which = items ? items->data()[u * n + i] : static_cast<int32_t>(i);
                if (which < 0) continue;
                const Candidate candidate{s[i], tie.data()[which], which};
                if (best.admits(candidate) && !out.has(u, which)) best.add(candidate);
            }
            best.finish(item.data() + u * k, score.data() + u * k);
        }
    });
}

}  // namespace

void bind_topk(nb::module_& m) {
    m.def("topk_dot", &topk_dot, nb::arg("q"), nb::arg("y"), nb::arg("bias").none(), nb::arg("tie"),
          nb::arg("indptr").none(), nb::arg("indices").none(), nb::arg("item"), nb::arg("score"), nb::arg("threads"));
    m.def("topk_dense", &topk_dense, nb::arg("scores"), nb::arg("tie"), nb::arg("items").none(),
          nb::arg("indptr").none(), nb::arg("indices").none(), nb::arg("item"), nb::arg("score"), nb::arg("threads"));
}
