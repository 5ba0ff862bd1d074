// The k most similar rows of a sparse matrix: Gustavson's row-by-row product of A and A' (ACM TOMS 4(3), 1978) with one
// dense row of accumulators a thread. A measure says what is summed over the columns that two rows share (its Cell)
// and which similarity these sums give; everything else is the same for all of them.
//
// Rows are ranked by how many columns they have, the longest first, so that most sums lie together at the front. Where
// pairs meet often, each is summed up once, for the row of the higher rank number: a column's entries are read up to
// that row only, and both rows are offered to each other. Where they seldom meet, offering to lists all over the memory
// would cost more than that saves.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "knn_lists.hpp"
#include "knn_measures.hpp"
#include "pages.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

using namespace serendip;

struct Csr {  // n rows, m columns
    int64_t n, m;
    const int64_t* indptr;
    const int32_t* indices;
    const float* data;
};

// A', column by column, of ranked rows.
struct Columns {
    bool once;                      // whether a pair is summed up for one of its rows only
    std::vector<int32_t> row;       // (n,) of A, by rank
    std::vector<int64_t> start;     // (m + 1,)
    Pages<int32_t> rank;            // (nnz,) ascending within a column
    Pages<float> value;             // (nnz,), or none where all values of a column are equal
    std::vector<int32_t> before;    // (nnz,) in the order of A: how many entries of the column have a lower rank
    std::vector<int64_t> products;  // (n,) by rank: how many entries are read for a row

    Columns(const Csr& a, int64_t k, int threads)
        : row(a.n), start(a.m + 1, 0), rank(pages<int32_t>(a.indptr[a.n])), before(a.indptr[a.n]), products(a.n) {
        const auto length = [&](int32_t i) { return a.indptr[i + 1] - a.indptr[i]; };
        std::iota(row.begin(), row.end(), 0);
        std::stable_sort(row.begin(), row.end(), [&](int32_t i, int32_t j) { return length(i) > length(j); });
        if (!alike(a)) value = pages<float>(a.indptr[a.n]);

        // Blocks of ranks with about as many entries each are counted, then put side by side.
        const int64_t nnz = a.indptr[a.n];
        const int64_t blocks = std::clamp<int64_t>(nnz / std::max<int64_t>(a.m, 1), 1, 4 * threads);
        std::vector<int64_t> first{0};
        for (int64_t i = 0, entries = 0; i < a.n; entries += length(row[i]), ++i)
            if (entries * blocks >= nnz * static_cast<int64_t>(first.size()) && i > first.back()) first.push_back(i);
        first.push_back(a.n);
        const int64_t n_blocks = static_cast<int64_t>(first.size()) - 1;
        std::vector<std::vector<int32_t>> next(n_blocks);  // (m,) each: how many entries of a column come before
        parallel_for(n_blocks, 1, threads, [&](int64_t b, int64_t, int) {
            next[b].assign(a.m, 0);
            for (int64_t i = first[b]; i < first[b + 1]; ++i)
                for (int64_t t = a.indptr[row[i]]; t < a.indptr[row[i] + 1]; ++t) ++next[b][a.indices[t]];
        });
        double met = 0;
        for (int64_t c = 0; c < a.m; ++c) {
            int32_t total = 0;
            for (auto& block : next) total += std::exchange(block[c], total);
            start[c + 1] = start[c] + total;
            met += static_cast<double>(total) * total;
        }
        once = met > 32.0 * static_cast<double>(a.n) * static_cast<double>(std::min(k, a.n));
        parallel_for(n_blocks, 1, threads, [&](int64_t b, int64_t, int) {
            for (int64_t i = first[b]; i < first[b + 1]; ++i)
                for (int64_t t = a.indptr[row[i]]; t < a.indptr[row[i] + 1]; ++t) {
                    before[t] = next[b][a.indices[t]]++;
                    const int64_t to = start[a.indices[t]] + before[t];
                    rank[to] = static_cast<int32_t>(i);
                    if (value) value[to] = a.data[t];
                    products[i] += end(a, t) - start[a.indices[t]];
                }
        });
    }

    // Where the entries end that are read for entry t of A.
    int64_t end(const Csr& a, int64_t t) const {
        const int32_t c = a.indices[t];
        return once ? start[c] + before[t] + 1 : start[c + 1];
    }

private:
    static bool alike(const Csr& a) {  // all values of a column are equal; true of counts whatever the columns weigh
        std::vector<float> seen(a.m, 0);
        for (int64_t t = 0; t < a.indptr[a.n]; ++t) {
            float& one = seen[a.indices[t]];
            if (one == 0) one = a.data[t];
            if (one != a.data[t] || one == 0) return false;
        }
        return true;
    }
};

// The numbers below n, each once, far from the ones before.
struct Mixed {
    int64_t n, step;
    explicit Mixed(int64_t n) : n(n), step(n * 5 / 8 | 1) {
        while (std::gcd(step, n) > 1) step += 2;
    }
    int64_t operator()(int64_t b) const { return b * step % n; }
};

struct Options {
    int64_t k;
    double shrinkage;
    bool overlap, keep_negative, keep_self;  // overlap: the shrinkage is by the number of shared columns
    int64_t min_overlap;
    const int32_t *tie, *row_of_tie;  // (n,) each, inverse permutations
};

template <class Measure>
class Search {
    using Cell = typename Measure::Cell;
    const Csr& a;
    const Columns& columns;
    const std::vector<Row>& rows;  // by rank
    const Options& o;
    Lists& lists;
    std::vector<Cell> cells;   // (n,), all zero between two rows
    std::vector<int32_t> met;
    // Where a similarity is bounded by the norms: norm (n,) of the rows, and what the sum over the other row's norm has
    // to exceed for a row's list, as it stood when a range of rows began.
    std::vector<float> norm, reach;
    int64_t fresh = 0;
    float floor = 0;  // of the list of the row at hand

    static constexpr bool bounded = requires { Measure::falls_with_norm; };
    static constexpr float slack = 1 - 1e-5f;  // more than rounding can take
    static constexpr int64_t ahead = 4, lines = 8;  // columns, and cache lines of each, that are fetched in advance
    static constexpr int64_t together = 16;    // sums looked at at once

    void add(int64_t t) {
        const int64_t begin = columns.start[a.indices[t]], end = columns.end(a, t);
        const float x = a.data[t];
        const int32_t* rank = columns.rank.get();
        const auto each = [&](const auto& value) {
            int64_t e = begin;
            for (; e + 4 <= end; e += 4) {  // the four rows differ, so they need not wait for each other
                Cell &p = cells[rank[e]], &q = cells[rank[e + 1]], &r = cells[rank[e + 2]], &s = cells[rank[e + 3]];
                Cell pp = p, qq = q, rr = r, ss = s;
                pp.add(x, value(e)), qq.add(x, value(e + 1)), rr.add(x, value(e + 2)), ss.add(x, value(e + 3));
                p = pp, q = qq, r = rr, s = ss;
            }
            for (; e < end; ++e) cells[rank[e]].add(x, value(e));
        };
        if (columns.value)
            each([value = columns.value.get()](int64_t e) { return value[e]; });
        else
            each([=](int64_t) { return x; });
    }

    void add_met(int64_t t, size_t& n_met) {
        const int64_t end = columns.end(a, t);
        for (int64_t e = columns.start[a.indices[t]]; e < end; ++e) {
            Cell& cell = cells[columns.rank[e]];
            met[n_met] = columns.rank[e];
            n_met += !cell.touched();
            cell.add(a.data[t], columns.value ? columns.value[e] : a.data[t]);
        }
    }

    void offer(int64_t i, int64_t j) {
        const Cell& c = cells[j];
        if (!c.touched() || c.n() < o.min_overlap || (i == j && !o.keep_self)) return;
        double s = Measure::of(c, rows[i], rows[j], o.overlap ? 0 : o.shrinkage);
        if (o.overlap) s *= c.n() / (c.n() + o.shrinkage);
        const float similarity = static_cast<float>(s);
        if (!(similarity > 0 || (o.keep_negative && similarity < 0))) return;
        lists.offer(i, key(similarity, o.tie[columns.row[j]]));
        floor = lists.floor(i);
        if (columns.once && i != j) lists.offer(j, key(similarity, o.tie[columns.row[i]]));
    }

    // Most pairs end here, before a division and the tie.
    bool enters(int64_t i, int64_t j) const {
        if constexpr (bounded) {
            const float sizes = slack * norm[i] * norm[j];
            return cells[j].xy > floor * sizes || (columns.once && cells[j].xy > lists.floor(j) * sizes);
        } else {
            return true;
        }
    }

    // Offer the rows before `stop` by their bounds, some at once; in no order of their ranks, with which similarities
    // may rise.
    void offer_bounded(int64_t i, int64_t stop) {
        for (; columns.once && fresh < stop; ++fresh) reach[fresh] = slack * lists.floor(fresh) * norm[fresh];
        const Mixed blocks((stop + together - 1) / together);
        for (int64_t b = 0; b < blocks.n; ++b) {
            const int64_t begin = blocks(b) * together, end = std::min(begin + together, stop);
            const float own = norm[i], least = slack * floor;
            int any = 0;
            for (int64_t j = begin; j < end; ++j) any |= cells[j].xy > own * std::min(least * norm[j], reach[j]);
            if (any)
                for (int64_t j = begin; j < end; ++j)
                    if (enters(i, j)) offer(i, j);
        }
    }

public:
    Search(const Csr& a, const Columns& columns, const std::vector<Row>& rows, const Options& o, Lists& lists)
        : a(a), columns(columns), rows(rows), o(o), lists(lists), cells(a.n), norm(bounded ? a.n : 0),
          reach(norm.size(), std::numeric_limits<float>::infinity()) {
        for (size_t i = 0; i < norm.size(); ++i) norm[i] = static_cast<float>(rows[i].norm);
    }

    void begin() { fresh = 0; }  // a range of rows

    void operator()(int64_t i) {  // by rank
        const int64_t first = a.indptr[columns.row[i]], last = a.indptr[columns.row[i] + 1];
        const int64_t stop = columns.once ? i + 1 : a.n;
        floor = lists.floor(i);
        if (columns.products[i] <= stop / 4) {  // few: go through the rows that were met instead of through all
            met.resize(static_cast<size_t>(columns.products[i]));
            size_t n_met = 0;
            for (int64_t t = first; t < last; ++t) add_met(t, n_met);
            for (size_t k = 0; k < n_met; ++k) {
                if (enters(i, met[k])) offer(i, met[k]);
                cells[met[k]] = Cell{};
            }
            return;
        }
        for (int64_t t = first; t < last; ++t) {
            if (t + ahead < last) fetch(t + ahead);
            add(t);
        }
        if constexpr (bounded)
            offer_bounded(i, stop);
        else
            for (int64_t j = 0; j < stop; ++j) offer(i, j);
        std::fill_n(cells.begin(), stop, Cell{});
    }

private:
    void fetch(int64_t t) const {
        const int64_t begin = columns.start[a.indices[t]], end = std::min(columns.end(a, t), begin + 16 * lines);
        for (int64_t e = begin; e < end; e += 16) __builtin_prefetch(columns.rank.get() + e);
    }
};

// Ranges of ranks with about as much work each: first[c] is where range c begins.
std::vector<int64_t> ranges(const Columns& columns) {
    const int64_t n = static_cast<int64_t>(columns.products.size());
    // a row costs something on its own
    const auto work = [&](int64_t i) { return columns.products[i] + 64 + (columns.once ? i : n) / 16; };
    int64_t total = 0, here = 0;
    for (int64_t i = 0; i < n; ++i) total += work(i);
    const int64_t share = std::max<int64_t>(total / 512, 100'000);
    std::vector<int64_t> first{0};
    for (int64_t i = 0; i < n; ++i) {
        if (here > 0 && here + work(i) > share) first.push_back(i), here = 0;
        here += work(i);
    }
    first.push_back(n);
    return first;
}

template <class Measure>
nb::tuple neighbours(const Csr& a, const Options& o, int threads) {
    const Columns columns(a, o.k, threads);
    std::vector<Row> rows(a.n);
    std::vector<int64_t> rank_of(a.n);
    parallel_for(a.n, 64, threads, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t row = columns.row[i], first = a.indptr[row], last = a.indptr[row + 1];
            rank_of[row] = i;
            double square = 0;
            for (int64_t t = first; t < last; ++t) square += static_cast<double>(a.data[t]) * a.data[t];
            rows[i] = {static_cast<double>(last - first), square, std::sqrt(square)};
        }
    });

    Lists lists(a.n, o.k);
    const std::vector<int64_t> first = ranges(columns);
    std::vector<std::unique_ptr<Search<Measure>>> searches(threads);  // one a thread, made by the thread that uses it
    const Mixed order(static_cast<int64_t>(first.size()) - 1);
    parallel_for(order.n, 1, threads, [&](int64_t begin, int64_t, int thread) {
        const int64_t c = order(begin);
        auto& search = searches[thread];
        if (!search) search = std::make_unique<Search<Measure>>(a, columns, rows, o, lists);
        search->begin();
        for (int64_t i = first[c]; i < first[c + 1]; ++i) {
            (*search)(i);
            if (!columns.once) lists.close(i);
        }
    });

    auto indptr = array<int64_t>(a.n + 1);
    int64_t* end = indptr.data();
    end[0] = 0;
    for (int64_t i = 0; i < a.n; ++i) end[i + 1] = end[i] + static_cast<int64_t>(lists.size(rank_of[i]));
    auto indices = array<int32_t>(end[a.n]);
    auto data = array<float>(end[a.n]);
    parallel_for(a.n, 64, threads, [&](int64_t begin, int64_t stop, int) {
        for (int64_t i = begin; i < stop; ++i) {
            auto found = lists.take(rank_of[i]);
            for (uint64_t& key : found)  // the row first, then the similarity
                key = static_cast<uint64_t>(o.row_of_tie[tie_of(key)]) << 32 |
                      std::bit_cast<uint32_t>(similarity_of(key));
            std::sort(found.begin(), found.end());
            for (size_t q = 0; q < found.size(); ++q) {
                indices.data()[end[i] + q] = static_cast<int32_t>(found[q] >> 32);
                data.data()[end[i] + q] = std::bit_cast<float>(static_cast<uint32_t>(found[q]));
            }
        }
    });
    return nb::make_tuple(indptr, indices, data);
}

nb::tuple bound(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<float, 1> data, int64_t m, int64_t k,
                const std::string& similarity, In<int32_t, 1> tie, double shrinkage, bool overlap, bool keep_negative,
                int64_t min_overlap, bool keep_self, int threads) {
    const Csr a{static_cast<int64_t>(indptr.shape(0)) - 1, m, indptr.data(), indices.data(), data.data()};
    std::vector<int32_t> row_of_tie(a.n);
    for (int64_t i = 0; i < a.n; ++i) row_of_tie[tie.data()[i]] = static_cast<int32_t>(i);
    const Options o{k, shrinkage, overlap, keep_negative, keep_self, min_overlap, tie.data(), row_of_tie.data()};
    const bool counts = min_overlap > 1 || (overlap && shrinkage > 0);
    if (similarity == "jaccard") return neighbours<Jaccard>(a, o, threads);
    if (similarity == "dot")
        return counts ? neighbours<Dot<CountedProduct<float>>>(a, o, threads) : neighbours<Dot<Product>>(a, o, threads);
    if (similarity == "cosine") {
        if (overlap) return neighbours<OverlapCosine>(a, o, threads);
        return counts ? neighbours<Cosine<CountedProduct<float>>>(a, o, threads)
                      : neighbours<Cosine<Product>>(a, o, threads);
    }
    if (similarity == "euclidean")
        return overlap ? neighbours<OverlapEuclidean>(a, o, threads) : neighbours<Euclidean>(a, o, threads);
    if (similarity == "pearson" && overlap) return neighbours<OverlapPearson>(a, o, threads);
    throw std::invalid_argument("no such similarity: " + similarity);
}

}  // namespace

void bind_knn(nb::module_& module) {
    module.def("neighbours", &bound, nb::arg("indptr").noconvert(), nb::arg("indices").noconvert(),
               nb::arg("data").noconvert(), nb::arg("m"), nb::arg("k"), nb::arg("similarity"),
               nb::arg("tie").noconvert(), nb::arg("shrinkage"), nb::arg("overlap"), nb::arg("keep_negative"),
               nb::arg("min_overlap"), nb::arg("keep_self"), nb::arg("threads"));
}
