// The k best items of many users, exactly, without ever holding a users x items matrix: blocks of items stay in the
// cache, are scored for a tile of users, and only what beats a user's k-th best is looked at again.
//
// With many users the items are sorted by norm first: by Cauchy and Schwarz |q| max|y| + max bias bounds a block's
// scores, and a block that cannot enter is not scored (the idea of LEMP: Teflioudi, Gemulla, Mykytiuk, SIGMOD 2015,
// reduced to its first step).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "best.hpp"
#include "parallel.hpp"

#define SERENDIP_KERNEL "topk_scores.hpp"
#include "each_isa.hpp"

namespace nb = nanobind;

namespace {

using std::int32_t;
using std::int64_t;

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int Dimensions>
using Out = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

constexpr int64_t block_items = 256;

using serendip::Best, serendip::Candidate, serendip::Excluded, serendip::norm;

class Dot {
public:
    Dot(In<float, 2> q, In<float, 2> y, const float* bias, int64_t k, const int32_t* tie, const int64_t* indptr,
        const int32_t* indices, int32_t* item, float* score, int threads)
        : q_(q.data()),
          y_(y.data()),
          bias_(bias),
          tie_(tie),
          indptr_(indptr),
          indices_(indices),
          item_(item),
          score_(score),
          users_(static_cast<int64_t>(q.shape(0))),
          n_(static_cast<int64_t>(y.shape(0))),
          rank_(static_cast<int64_t>(y.shape(1))),
          k_(k),
          threads_(threads),
          tile_(SERENDIP_CHOOSE(users_in_tile)()) {
        for (int t = 0; t < threads; ++t) scores_.emplace_back(tile_ * block_items);
    }

    // Few users: threads share out the items, pack a block where it is needed, and the lists are merged. Nothing is
    // prepared.
    void few() {
        std::vector<std::vector<Best>> best(static_cast<std::size_t>(threads_),
                                            std::vector<Best>(static_cast<std::size_t>(users_), Best(k_)));
        std::vector<std::vector<float>> panels(static_cast<std::size_t>(threads_),
                                               std::vector<float>(static_cast<std::size_t>(block_items * rank_)));
        Excluded excluded(indptr_, indices_);
        excluded.read(0, users_);
        std::vector<int64_t> all(static_cast<std::size_t>(users_));
        std::iota(all.begin(), all.end(), 0);
        const int64_t blocks = (n_ + block_items - 1) / block_items;
        serendip::parallel_for(blocks, 4, threads_, [&](int64_t begin, int64_t end, int thread) {
            const auto t = static_cast<std::size_t>(thread);
            for (int64_t block = begin; block < end; ++block) {
                const int64_t first = block * block_items, count = std::min(block_items, n_ - first);
                pack_(y_, rank_, nullptr, first, count, panels[t].data());
                for (int64_t u = 0; u < users_; u += tile_)
                    visit(all.data() + u, std::min(tile_, users_ - u), panels[t].data(), nullptr, first, count,
                          best[t].data(), excluded, thread);
            }
        });
        for (int64_t u = 0; u < users_; ++u) {
            const auto user = static_cast<std::size_t>(u);
            for (std::size_t t = 1; t < best.size(); ++t) best[0][user].take(best[t][user]);
            best[0][user].finish(item_ + u * k_, score_ + u * k_);
        }
    }

    // Many users: items are sorted by norm and packed once, threads share out the users, blocks that cannot enter are
    // skipped.
    void many() {
        std::vector<std::pair<double, int32_t>> by_norm(static_cast<std::size_t>(n_));
        serendip::parallel_for(n_, 4096, threads_, [&](int64_t begin, int64_t end, int) {
            for (int64_t i = begin; i < end; ++i)
                by_norm[static_cast<std::size_t>(i)] = {-norm(y_ + i * rank_, rank_), static_cast<int32_t>(i)};
        });
        std::sort(by_norm.begin(), by_norm.end());
        std::vector<int32_t> order(static_cast<std::size_t>(n_));
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = by_norm[i].second;
        const int64_t blocks = (n_ + block_items - 1) / block_items;
        std::vector<float> panels(static_cast<std::size_t>(blocks * block_items * rank_));
        std::vector<double> top_bias(static_cast<std::size_t>(blocks), 0);
        serendip::parallel_for(blocks, 16, threads_, [&](int64_t begin, int64_t end, int) {
            for (int64_t block = begin; block < end; ++block) {
                const int64_t first = block * block_items, count = std::min(block_items, n_ - first);
                pack_(y_, rank_, order.data(), first, count, panels.data() + first * rank_);
                if (bias_ == nullptr) continue;
                double top = -std::numeric_limits<double>::infinity();
                for (int64_t i = first; i < first + count; ++i)
                    top = std::max(top, static_cast<double>(bias_[order[static_cast<std::size_t>(i)]]));
                top_bias[static_cast<std::size_t>(block)] = top;
            }
        });

        // What no bias of a block or of one after it exceeds: a user who is past a block is past all that follow.
        for (auto b = static_cast<std::size_t>(blocks); b-- > 1;) top_bias[b - 1] = std::max(top_bias[b - 1], top_bias[b]);

        // Users a chunk: enough to use a block in the cache often, few enough to answer Ctrl-C.
        const int64_t chunk =
            std::clamp<int64_t>((int64_t{1} << 31) / std::max<int64_t>(n_ * rank_, 1) / tile_, 1, 32) * tile_;
        std::vector<std::vector<Best>> best(static_cast<std::size_t>(threads_),
                                            std::vector<Best>(static_cast<std::size_t>(chunk), Best(k_)));
        std::vector<Excluded> excluded(static_cast<std::size_t>(threads_), Excluded(indptr_, indices_));
        serendip::parallel_for(users_, chunk, threads_, [&](int64_t begin, int64_t end, int thread) {
            const auto t = static_cast<std::size_t>(thread);
            excluded[t].read(begin, end);
            std::vector<double> length;
            for (int64_t u = begin; u < end; ++u) length.push_back(norm(q_ + u * rank_, rank_));
            std::vector<int64_t> open(static_cast<std::size_t>(end - begin));  // users whom a block may still serve
            std::iota(open.begin(), open.end(), begin);
            for (int64_t block = 0; block < blocks && !open.empty(); ++block) {
                const int64_t first = block * block_items, count = std::min(block_items, n_ - first);
                const double longest = -by_norm[static_cast<std::size_t>(first)].first;
                const double highest = top_bias[static_cast<std::size_t>(block)];
                std::erase_if(open, [&](int64_t u) {
                    const auto at = static_cast<std::size_t>(u - begin);
                    return bound(length[at] * longest, highest) < best[t][at].floor();
                });
                const auto left = static_cast<int64_t>(open.size());
                for (int64_t u = 0; u < left; u += tile_)
                    visit(open.data() + u, std::min(tile_, left - u), panels.data() + first * rank_, order.data(), first,
                          count, best[t].data() - begin, excluded[t], thread);
            }
            for (int64_t u = begin; u < end; ++u)
                best[t][static_cast<std::size_t>(u - begin)].finish(item_ + u * k_, score_ + u * k_);
        });
    }

private:
    // No score computed in float32 exceeds this: a sum of `rank` products errs by less than rank 2^-23 of |q||y|, the
    // bias adds one rounding.
    double bound(double product, double bias) const {
        if (product > 1e38) return std::numeric_limits<double>::infinity();  // a partial sum may overflow
        const double sum = product * (1 + static_cast<double>(rank_ + 2) * 0x1p-23) + bias;
        return sum + (std::abs(product) + std::abs(bias)) * 0x1p-22 + 1e-37;
    }

    // Scores a block for a tile of users and keeps what enters; best[u] belongs to user u.
    void visit(const int64_t* users, int64_t in_tile, const float* panels, const int32_t* order, int64_t first,
               int64_t count, Best* best, Excluded& excluded, int thread) {
        float* scores = scores_[static_cast<std::size_t>(thread)].data();
        const float* rows[16];
        for (int64_t u = 0; u < tile_; ++u) rows[u] = q_ + users[std::min(u, in_tile - 1)] * rank_;
        compute_(rows, panels, rank_, count, scores, block_items);
        for (int64_t at = 0; at < in_tile; ++at, scores += block_items) {
            const int64_t u = users[at];
            Best& mine = best[u];
            if (bias_ != nullptr)
                for (int64_t i = 0; i < count; ++i) scores[i] += bias_[order ? order[first + i] : first + i];
            for (int64_t i = find_(scores, 0, count, mine.floor()); i < count;
                 i = find_(scores, i + 1, count, mine.floor())) {
                const auto item = order ? order[first + i] : static_cast<int32_t>(first + i);
                const Candidate candidate{scores[i], tie_[item], item};
                if (mine.admits(candidate) && !excluded.has(u, item)) mine.add(candidate);
            }
            mine.settle();
        }
    }

    const float *q_, *y_, *bias_;
    const int32_t* tie_;
    const int64_t* indptr_;
    const int32_t* indices_;
    int32_t* item_;
    float* score_;
    int64_t users_, n_, rank_, k_;
    int threads_;
    int64_t tile_;
    std::vector<std::vector<float>> scores_;
    decltype(&serendip::portable::pack) pack_ = SERENDIP_CHOOSE(pack);
    decltype(&serendip::portable::score) compute_ = SERENDIP_CHOOSE(score);
    decltype(&serendip::portable::find) find_ = SERENDIP_CHOOSE(find);
};

constexpr int64_t many_users = 128;  // from here on sorting and packing the items pays

void topk_dot(In<float, 2> q, In<float, 2> y, std::optional<In<float, 1>> bias, In<int32_t, 1> tie,
              std::optional<In<int64_t, 1>> indptr, std::optional<In<int32_t, 1>> indices, Out<int32_t, 2> item,
              Out<float, 2> score, int threads) {
    Dot dot(q, y, bias ? bias->data() : nullptr, static_cast<int64_t>(item.shape(1)), tie.data(),
            indptr ? indptr->data() : nullptr, indices ? indices->data() : nullptr, item.data(), score.data(), threads);
    if (static_cast<int64_t>(q.shape(0)) < many_users) {
        dot.few();
    } else {
        dot.many();
    }
}

void topk_dense(In<float, 2> scores, In<int32_t, 1> tie, std::optional<In<int32_t, 2>> items,
                std::optional<In<int64_t, 1>> indptr, std::optional<In<int32_t, 1>> indices, Out<int32_t, 2> item,
                Out<float, 2> score, int threads) {
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
