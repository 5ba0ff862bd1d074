// The k most similar rows of a sparse matrix: Gustavson's row-by-row product of A and A' (ACM TOMS 4(3), 1978) with one
// dense row of accumulators a thread. A measure says what is summed over the columns that two rows share (its Cell)
// and which similarity these sums give; everything else is the same for all of them.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Csr {  // n rows, m columns
    int64_t n, m;
    const int64_t* indptr;
    const int32_t* indices;
    const float* data;
};

struct Entry {
    int32_t row;
    float value;
};

struct Columns {  // A', column by column
    std::vector<int64_t> start;
    std::vector<Entry> entries;

    explicit Columns(const Csr& a) : start(a.m + 2, 0), entries(a.indptr[a.n]) {
        for (int64_t t = 0; t < a.indptr[a.n]; ++t) ++start[a.indices[t] + 2];
        for (int64_t c = 2; c < a.m + 2; ++c) start[c] += start[c - 1];
        for (int64_t i = 0; i < a.n; ++i)  // start[c + 1] runs through column c, and ends where column c + 1 begins
            for (int64_t t = a.indptr[i]; t < a.indptr[i + 1]; ++t)
                entries[start[a.indices[t] + 1]++] = {static_cast<int32_t>(i), a.data[t]};
    }
    int64_t length(int32_t c) const { return start[c + 1] - start[c]; }
};

struct Row {                     // what a measure may know of a row on its own
    double count, square, norm;  // number of stored values, sum of their squares, its root
};

struct Options {
    int64_t k;
    double shrinkage;
    bool overlap, keep_negative, keep_self;  // overlap: the shrinkage is by the number of shared columns
    int64_t min_overlap;
    const int32_t *tie, *row_of_tie;  // (n,) each, inverse permutations
};

// Cells: sums over the shared columns, x of the one row and y of the other; doubles where differences of sums are
// taken.

struct Product {
    float xy;
    void add(float x, float y) { xy += x * y; }
    bool touched() const { return xy != 0; }
    double n() const { return 1; }  // not counted: enough where one shared column is enough
};

template <class T>
struct Counted {
    T shared;
    bool touched() const { return shared != 0; }
    double n() const { return shared; }
};

template <class T>
struct CountedProduct : Counted<T> {
    T xy;
    void add(T x, T y) { this->shared += 1, xy += x * y; }
};

struct SquaredDifference : Counted<double> {
    double square;
    void add(double x, double y) { shared += 1, square += (x - y) * (x - y); }
};

struct SecondMoments : Counted<double> {
    double xy, xx, yy;
    void add(double x, double y) { shared += 1, xy += x * y, xx += x * x, yy += y * y; }
};

struct Moments : Counted<double> {
    double xy, xx, yy, sx, sy;
    void add(double x, double y) { shared += 1, xy += x * y, xx += x * x, yy += y * y, sx += x, sy += y; }
};

// Measures. `s` is added to the denominator, and is 0 in the overlap family, which is shrunk by the count.

// x'y over the product of the sizes; what is left of orthogonal rows by rounding is zero, and so are rows of size zero.
double cosine(double xy, double size, double s = 0) { return std::abs(xy) > 1e-6 * size ? xy / (size + s) : 0; }

template <class C>
struct Dot {
    using Cell = C;
    static double of(const Cell& c, const Row&, const Row&, double) { return c.xy; }
};

template <class C>
struct Cosine {
    using Cell = C;
    static constexpr bool falls_with_norm = true;  // at most xy over the product of the norms
    static double of(const Cell& c, const Row& a, const Row& b, double s) { return cosine(c.xy, a.norm * b.norm, s); }
};

struct Euclidean {
    using Cell = CountedProduct<double>;
    static double of(const Cell& c, const Row& a, const Row& b, double s) {
        return 1 / (1 + std::sqrt(std::max(0.0, a.square + b.square - 2 * c.xy)) + s);
    }
};

struct Jaccard {
    using Cell = CountedProduct<float>;
    static double of(const Cell& c, const Row& a, const Row& b, double s) {
        return c.shared / (a.count + b.count - c.shared + s);
    }
};

struct OverlapCosine {
    using Cell = SecondMoments;
    static double of(const Cell& c, const Row&, const Row&, double) { return cosine(c.xy, std::sqrt(c.xx * c.yy)); }
};

struct OverlapPearson {
    using Cell = Moments;
    static double of(const Cell& c, const Row&, const Row&, double) {
        const double x = c.shared * c.xx - c.sx * c.sx, y = c.shared * c.yy - c.sy * c.sy;
        if (x <= 1e-10 * c.shared * c.xx || y <= 1e-10 * c.shared * c.yy) return 0;  // constant, but for rounding
        return cosine(c.shared * c.xy - c.sx * c.sy, std::sqrt(x * y));
    }
};

struct OverlapEuclidean {
    using Cell = SquaredDifference;
    static double of(const Cell& c, const Row&, const Row&, double) { return 1 / (1 + c.square / c.shared); }
};

// A candidate as one integer, larger for better: the similarity's bits, then the tie. (The bits of floats of one sign
// are in the order of the floats.)
uint64_t key(float similarity, int32_t tie) {
    const uint32_t bits = std::bit_cast<uint32_t>(similarity);
    return static_cast<uint64_t>(bits >> 31 ? ~bits : bits | 1u << 31) << 32 |
           (UINT32_MAX - static_cast<uint32_t>(tie));
}

struct Neighbour {
    int32_t row;
    float similarity;
};

// Put the k largest of distinct numbers first, 0 < k < their count: quickselect whose partition does not branch, because
// every other guess would be wrong.
void lead(std::vector<uint64_t>& v, size_t k) {
    size_t low = 0, high = v.size();
    for (int round = 0; round < 64; ++round) {
        std::swap(v[low + (high - low) / 2], v[high - 1]);
        const uint64_t pivot = v[high - 1];
        size_t larger = low;
        for (size_t t = low; t + 1 < high; ++t) {
            const uint64_t x = v[t];
            v[t] = v[larger];
            v[larger] = x;
            larger += x > pivot;
        }
        std::swap(v[larger], v[high - 1]);  // the pivot's place
        if (larger == k || larger + 1 == k) return;
        if (larger > k)
            high = larger;
        else
            low = larger + 1;
    }
    std::nth_element(v.begin(), v.begin() + static_cast<int64_t>(k - 1), v.end(), std::greater<>());
}

// The best k of what is offered, under a total order, so that the order of the offers does not matter.
class Best {
    size_t k;
    const int32_t *tie, *row_of_tie;
    uint64_t worst = 0;  // the k-th of those that were kept at the last cut
    float least = 0;     // its similarity, or 0
    std::vector<uint64_t> kept;
    std::vector<Neighbour> sorted;

    void cut() {
        if (kept.size() <= k) return;
        lead(kept, k);
        kept.resize(k);
        worst = *std::min_element(kept.begin(), kept.end());
        least = std::max(0.0f, similarity_of(worst));
    }

    static float similarity_of(uint64_t candidate) {
        const uint32_t bits = static_cast<uint32_t>(candidate >> 32);
        return std::bit_cast<float>(bits >> 31 ? bits ^ 1u << 31 : ~bits);
    }

public:
    Best(const Options& o, int64_t n) : k(std::min(o.k, n)), tie(o.tie), row_of_tie(o.row_of_tie) {
        kept.reserve(2 * k);
    }

    float floor() const { return least; }  // what is less similar, by more than rounding, cannot enter

    void offer(float similarity, int64_t row) {
        const uint64_t candidate = key(similarity, tie[row]);
        if (candidate < worst) return;
        kept.push_back(candidate);
        if (kept.size() == 2 * k) cut();
    }

    const std::vector<Neighbour>& take() {  // by ascending row; leaves nothing behind
        cut();
        sorted.clear();
        for (const uint64_t c : kept) {
            sorted.push_back({row_of_tie[UINT32_MAX - static_cast<uint32_t>(c)], similarity_of(c)});
        }
        std::sort(sorted.begin(), sorted.end(), [](const Neighbour& a, const Neighbour& b) { return a.row < b.row; });
        kept.clear();
        worst = 0;
        least = 0;
        return sorted;
    }
};

template <class Measure>
class Search {
    using Cell = typename Measure::Cell;
    const Csr& a;
    const Columns& columns;
    const std::vector<Row>& rows;
    const Options& o;
    std::vector<Cell> cells;  // (n,), all zero between two rows
    std::vector<float> norm;  // (n,) of the rows, side by side, where they bound the similarity
    std::vector<int32_t> met;
    Best best;

    static constexpr bool bounded = requires { Measure::falls_with_norm; };
    static constexpr float slack = 1 - 1e-5f;  // more than rounding can take

    void consider(int64_t i, int64_t j) {
        const Cell& c = cells[j];
        if constexpr (bounded)  // most end here, before a division and the tie
            if (!o.keep_negative && static_cast<float>(c.xy) < slack * best.floor() * (norm[i] * norm[j])) return;
        if (c.n() < o.min_overlap || (i == j && !o.keep_self)) return;
        double s = Measure::of(c, rows[i], rows[j], o.overlap ? 0 : o.shrinkage);
        if (o.overlap) s *= c.n() / (c.n() + o.shrinkage);
        const float similarity = static_cast<float>(s);
        if (similarity > 0 || (o.keep_negative && similarity < 0)) best.offer(similarity, j);
    }

public:
    Search(const Csr& a, const Columns& columns, const std::vector<Row>& rows, const Options& o)
        : a(a), columns(columns), rows(rows), o(o), cells(a.n), norm(bounded ? a.n : 0), best(o, a.n) {
        for (size_t i = 0; i < norm.size(); ++i) norm[i] = static_cast<float>(rows[i].norm);
    }

    const std::vector<Neighbour>& operator()(int64_t i) {
        int64_t products = 0;
        for (int64_t t = a.indptr[i]; t < a.indptr[i + 1]; ++t) products += columns.length(a.indices[t]);
        const bool few = products <= a.n / 4;  // then go through the rows that were met instead of through all
        met.resize(few ? static_cast<size_t>(products) : 0);
        size_t n_met = 0;
        for (int64_t t = a.indptr[i]; t < a.indptr[i + 1]; ++t) {
            const int64_t end = columns.start[a.indices[t] + 1];
            const float x = a.data[t];
            int64_t e = columns.start[a.indices[t]];
            if (few) {
                for (; e < end; ++e) {
                    Cell& cell = cells[columns.entries[e].row];
                    met[n_met] = columns.entries[e].row;
                    n_met += !cell.touched();
                    cell.add(x, columns.entries[e].value);
                }
            } else {
                for (; e < end; ++e) cells[columns.entries[e].row].add(x, columns.entries[e].value);
            }
        }
        const auto take = [&](int64_t j) {
            if (!cells[j].touched()) return;
            consider(i, j);
            cells[j] = Cell{};
        };
        if (few) {
            for (size_t k = 0; k < n_met; ++k) take(met[k]);
        } else {
            for (int64_t j = 0; j < a.n; ++j) take(j);
        }
        return best.take();
    }
};

struct Found {  // the neighbours of consecutive rows
    std::vector<int32_t> rows;
    std::vector<float> similarities;
};

template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> array(size_t size) {
    T* data = new T[size];
    return {data, {size}, nb::capsule(data, [](void* p) noexcept { delete[] static_cast<T*>(p); })};
}

// Ranges of rows with about the same number of products each: first[c] is where range c begins.
std::vector<int64_t> ranges(const Csr& a, const Columns& columns) {
    std::vector<int64_t> work(a.n + 1, 0);
    for (int64_t i = 0; i < a.n; ++i) {
        work[i + 1] = work[i] + 64;  // a row costs something on its own
        for (int64_t t = a.indptr[i]; t < a.indptr[i + 1]; ++t) work[i + 1] += columns.length(a.indices[t]);
    }
    const int64_t share = std::max<int64_t>(work[a.n] / 512, 100'000);
    std::vector<int64_t> first{0};
    for (int64_t i = 1; i < a.n; ++i)
        if (work[i + 1] - work[first.back()] > share) first.push_back(i);
    first.push_back(a.n);
    return first;
}

template <class Work>
auto without_gil(const Work& work) {
    const nb::gil_scoped_release release;
    return work();
}

template <class Measure>
nb::tuple neighbours(const Csr& a, const Options& o, int threads) {
    const Columns columns = without_gil([&] { return Columns(a); });
    std::vector<Row> rows(a.n);
    for (int64_t i = 0; i < a.n; ++i) {
        double square = 0;
        for (int64_t t = a.indptr[i]; t < a.indptr[i + 1]; ++t) square += static_cast<double>(a.data[t]) * a.data[t];
        rows[i] = {static_cast<double>(a.indptr[i + 1] - a.indptr[i]), square, std::sqrt(square)};
    }
    const std::vector<int64_t> first = without_gil([&] { return ranges(a, columns); });
    const int64_t n_ranges = static_cast<int64_t>(first.size()) - 1;

    auto indptr = array<int64_t>(a.n + 1);
    int64_t* end = indptr.data();
    end[0] = 0;
    std::vector<Found> found(n_ranges);
    std::vector<std::unique_ptr<Search<Measure>>> searches(threads);  // one a thread, made by the thread that uses it
    serendip::parallel_for(n_ranges, 1, threads, [&](int64_t begin, int64_t stop, int thread) {
        auto& search = searches[thread];
        if (!search) search = std::make_unique<Search<Measure>>(a, columns, rows, o);
        for (int64_t c = begin; c < stop; ++c)
            for (int64_t i = first[c]; i < first[c + 1]; ++i) {
                const std::vector<Neighbour>& best = (*search)(i);
                end[i + 1] = static_cast<int64_t>(best.size());
                for (const Neighbour& b : best) {
                    found[c].rows.push_back(b.row);
                    found[c].similarities.push_back(b.similarity);
                }
            }
    });
    for (int64_t i = 0; i < a.n; ++i) end[i + 1] += end[i];

    auto indices = array<int32_t>(end[a.n]);
    auto data = array<float>(end[a.n]);
    for (int64_t c = 0; c < n_ranges; ++c) {
        std::copy(found[c].rows.begin(), found[c].rows.end(), indices.data() + end[first[c]]);
        std::copy(found[c].similarities.begin(), found[c].similarities.end(), data.data() + end[first[c]]);
        found[c] = {};
    }
    return nb::make_tuple(indptr, indices, data);
}

template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::tuple bound(Vector<int64_t> indptr, Vector<int32_t> indices, Vector<float> data, int64_t m, int64_t k,
                const std::string& similarity, Vector<int32_t> tie, double shrinkage, bool overlap, bool keep_negative,
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
