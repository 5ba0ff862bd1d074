// The k best items of many histories where a history's scores are a sum of sparse rows: one dense row of accumulators a
// thread, the list of those that were touched, and the k best of these. No matrix of scores, nothing allocated a row.
//
// Gustavson: Two Fast Algorithms for Sparse Matrices, ACM TOMS 4(3), 1978. The sums are formed in the order of SciPy's
// product and, without fused multiply-adds (CMakeLists.txt), equal its to the bit.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "arrays.hpp"
#include "best.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

using serendip::Best, serendip::Candidate;
using std::int32_t;
using std::int64_t;

using serendip::In, serendip::InOut;
using Offsets = std::optional<In<int64_t, 1>>;
using Lists = std::optional<In<int32_t, 1>>;

constexpr int64_t users_at_once = 8;

struct Cell {
    float sum;
    std::uint32_t row;  // that it belongs to, counted from 1
};

class Accumulators {
public:
    Accumulators(int64_t n, int64_t k)
        : best(k), cells_(static_cast<std::size_t>(n)), touched_(new int32_t[static_cast<std::size_t>(n + 1)]) {}

    void begin(int64_t row) {
        row_ = static_cast<std::uint32_t>(row + 1);
        count_ = 0;
    }

    void add(float x, const int32_t* item, const float* weight, int64_t n) {
        for (int64_t j = 0; j < n; ++j) {
            Cell& cell = cells_[static_cast<std::size_t>(item[j])];
            const bool first = cell.row != row_;
            touched_[count_] = item[j];
            count_ += first;
            cell = {(first ? 0.0f : cell.sum) + x * weight[j], row_};
        }
    }

    void drop(int32_t item) {
        Cell& cell = cells_[static_cast<std::size_t>(item)];
        if (cell.row == row_) cell.sum = std::numeric_limits<float>::quiet_NaN();
    }

    // Offers an item: NaN, and 0 as an item of which nothing is known, never enter.
    void offer(int32_t item, const bool* known, const int32_t* tie) {
        const Cell& cell = cells_[static_cast<std::size_t>(item)];
        if (cell.row != row_ || !(cell.sum >= best.floor()) || cell.sum == 0 || !known[item]) return;
        const Candidate candidate{cell.sum, tie[item], item};
        if (best.admits(candidate)) best.add(candidate);
    }

    void offer_all(const bool* known, const int32_t* tie) {
        for (std::size_t t = 0; t < count_; ++t) offer(touched_[t], known, tie);
    }

    Best best;

private:
    std::vector<Cell> cells_;
    std::unique_ptr<int32_t[]> touched_;  // not filled with 0: one query would feel it
    std::size_t count_ = 0;
    std::uint32_t row_ = 0;
};

void topk_sparse(In<int64_t, 1> x_indptr, In<int32_t, 1> x_indices, In<float, 1> x_data, In<int64_t, 1> indptr,
                 In<int32_t, 1> indices, In<float, 1> data, In<bool, 1> known, In<int32_t, 1> tie,
                 Offsets candidate_indptr, Lists candidates, Offsets exclude_indptr, Lists exclude,
                 InOut<int32_t, 2> item, InOut<float, 2> score, int threads) {
    const auto users = static_cast<int64_t>(item.shape(0)), k = static_cast<int64_t>(item.shape(1));
    const auto n = static_cast<int64_t>(known.shape(0));
    std::vector<std::optional<Accumulators>> all(static_cast<std::size_t>(threads));
    const int64_t* rows = indptr.data();
    serendip::parallel_for(users, users_at_once, threads, [&](int64_t begin, int64_t end, int thread) {
        auto& mine = all[static_cast<std::size_t>(thread)];
        if (!mine) mine.emplace(n, k);
        for (int64_t u = begin; u < end; ++u) {
            mine->begin(u);
            const int64_t last = x_indptr.data()[u + 1];
            for (int64_t h = x_indptr.data()[u]; h < last; ++h) {
                const int32_t j = x_indices.data()[h];
                if (h + 1 < last) {
                    const int64_t next = rows[x_indices.data()[h + 1]];
                    __builtin_prefetch(indices.data() + next);
                    __builtin_prefetch(data.data() + next);
                }
                mine->add(x_data.data()[h], indices.data() + rows[j], data.data() + rows[j], rows[j + 1] - rows[j]);
            }
            if (exclude)
                for (int64_t e = exclude_indptr->data()[u]; e < exclude_indptr->data()[u + 1]; ++e)
                    mine->drop(exclude->data()[e]);
            if (candidates) {
                for (int64_t c = candidate_indptr->data()[u]; c < candidate_indptr->data()[u + 1]; ++c) {
                    mine->offer(candidates->data()[c], known.data(), tie.data());
                    mine->drop(candidates->data()[c]);  // one that is named twice is taken once
                }
            } else {
                mine->offer_all(known.data(), tie.data());
            }
            mine->best.finish(item.data() + u * k, score.data() + u * k);
        }
    });
}

}  // namespace

void bind_topk_sparse(nb::module_& m) {
    m.def("topk_sparse", &topk_sparse, nb::arg("x_indptr"), nb::arg("x_indices"), nb::arg("x_data"), nb::arg("indptr"),
          nb::arg("indices"), nb::arg("data"), nb::arg("known"), nb::arg("tie"), nb::arg("candidate_indptr").none(),
          nb::arg("candidates").none(), nb::arg("exclude_indptr").none(), nb::arg("exclude").none(), nb::arg("item"),
          nb::arg("score"), nb::arg("threads"));
}
