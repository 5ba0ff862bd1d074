// Dense products of a sparse matrix with itself: X'X, and X' K X for a dense symmetric K. Only the lower triangles are
// computed; `mirror` fills the upper one. What EASE needs (Steck, WWW 2019) beside LAPACK.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

#define SERENDIP_KERNEL "gram_strips.hpp"
#include "each_isa.hpp"

namespace nb = nanobind;

namespace {

using std::int32_t;
using std::int64_t;

using serendip::In, serendip::InOut;

std::size_t at(int64_t i) { return static_cast<std::size_t>(i); }

// The transpose of a sparse matrix: where each column's entries begin, and each entry's row and place in that row.
// Blocks of rows are counted and put side by side, so that the threads share the work and the order is that of the rows.
struct Columns {
    Columns(const int64_t* indptr, const int32_t* indices, int64_t rows, int64_t columns, int threads)
        : begin(at(columns + 1), 0), row(at(indptr[rows])), place(at(indptr[rows])) {
        const int64_t blocks = std::min<int64_t>(4 * threads, rows);
        const auto first = [=](int64_t b) { return b * rows / blocks; };
        std::vector<std::vector<int64_t>> next(at(blocks));  // where each block's entries of a column go
        serendip::parallel_for(blocks, 1, threads, [&](int64_t b, int64_t, int) {
            next[at(b)].assign(at(columns), 0);
            for (int64_t t = indptr[first(b)]; t < indptr[first(b + 1)]; ++t) ++next[at(b)][at(indices[t])];
        });
        int64_t total = 0;
        for (int64_t c = 0; c < columns; ++c) {
            begin[at(c)] = total;
            for (auto& block : next) {
                const int64_t count = block[at(c)];
                block[at(c)] = total;
                total += count;
            }
        }
        begin[at(columns)] = total;
        serendip::parallel_for(blocks, 1, threads, [&](int64_t b, int64_t, int) {
            for (int64_t r = first(b); r < first(b + 1); ++r)
                for (int64_t t = indptr[r]; t < indptr[r + 1]; ++t) {
                    const int64_t to = next[at(b)][at(indices[t])]++;
                    row[at(to)] = static_cast<int32_t>(r);
                    place[at(to)] = static_cast<int32_t>(t - indptr[r]);
                }
        });
    }

    std::vector<int64_t> begin;
    std::vector<int32_t> row, place;
};

// out[i][j] = sum_u x_ui x_uj for j <= i; rows of X ascend. Row i of the answer stays in the cache while each row of X
// that holds i is added to it up to there; `value` null: every entry is 1.
void gram_lower(In<int64_t, 1> indptr, In<int32_t, 1> indices, std::optional<In<float, 1>> value,
                InOut<float, 2> out, int threads) {
    const auto n = static_cast<int64_t>(out.shape(0)), rows = static_cast<int64_t>(indptr.shape(0)) - 1;
    const int64_t* begin = indptr.data();
    const int32_t* column = indices.data();
    const float* x = value ? value->data() : nullptr;
    const Columns columns(indptr.data(), column, rows, n, threads);
    serendip::parallel_for(n, 4, threads, [&](int64_t first, int64_t last, int) {
        for (int64_t i = first; i < last; ++i) {
            float* sum = out.data() + i * n;
            std::fill(sum, sum + i + 1, 0.0f);
            const int64_t stop = columns.begin[at(i + 1)];
            for (int64_t t = columns.begin[at(i)]; t < stop; ++t) {
                if (t + 8 < stop) {
                    __builtin_prefetch(column + begin[columns.row[at(t + 8)]]);
                    if (x) __builtin_prefetch(x + begin[columns.row[at(t + 8)]]);
                }
                int64_t q = begin[columns.row[at(t)]];
                const int64_t own = q + columns.place[at(t)], e = own + 1;
                if (x == nullptr) {
                    for (; q + 4 <= e; q += 4) {  // the four columns differ, so they need not wait for each other
                        float *a = sum + column[q], *b = sum + column[q + 1], *c = sum + column[q + 2],
                              *d = sum + column[q + 3];
                        const float va = *a + 1, vb = *b + 1, vc = *c + 1, vd = *d + 1;
                        *a = va, *b = vb, *c = vc, *d = vd;
                    }
                    for (; q < e; ++q) sum[column[q]] += 1;
                } else {
                    const float w = x[own];
                    for (; q + 4 <= e; q += 4) {
                        float *a = sum + column[q], *b = sum + column[q + 1], *c = sum + column[q + 2],
                              *d = sum + column[q + 3];
                        const float va = *a + w * x[q], vb = *b + w * x[q + 1], vc = *c + w * x[q + 2],
                                    vd = *d + w * x[q + 3];
                        *a = va, *b = vb, *c = vc, *d = vd;
                    }
                    for (; q < e; ++q) sum[column[q]] += w * x[q];
                }
            }
        }
    });
}

// out[i][j] = sum_uv x_ui K_uv x_vj for j <= i, for X (m, n) with m <= n and K (m, m) symmetric, all of it filled in.
//
// First X'K, a strip of columns of K at a time, into the first m columns of `out`; then each strip of its rows, packed,
// is multiplied by X into those same rows. Both times a strip has m rows that stay in the cache while every column of X
// sums up some of them.
void sandwich_lower(In<int64_t, 1> indptr, In<int32_t, 1> indices, std::optional<In<float, 1>> value,
                    In<float, 2> k, InOut<float, 2> out, int threads) {
    const auto n = static_cast<int64_t>(out.shape(0)), m = static_cast<int64_t>(k.shape(0));
    const Columns columns(indptr.data(), indices.data(), m, n, threads);
    std::vector<float> x(columns.place.size(), 1.0f);
    if (value)
        for (std::size_t t = 0; t < x.size(); ++t)
            x[t] = value->data()[indptr.data()[columns.row[t]] + columns.place[t]];
    const auto sums = SERENDIP_CHOOSE(sums);
    constexpr int64_t strip = serendip::portable::strip, together = 16;
    std::vector<std::vector<float>> packs(static_cast<std::size_t>(threads));
    for (auto& pack : packs) pack.resize(at(m * strip));

    serendip::parallel_for((m + strip - 1) / strip, 1, threads, [&](int64_t first, int64_t last, int thread) {
        float* pack = packs[static_cast<std::size_t>(thread)].data();
        for (int64_t s = first * strip; s < last * strip; s += strip) {
            const int64_t width = std::min(strip, m - s);
            for (int64_t v = 0; v < m; ++v) {
                std::copy_n(k.data() + v * m + s, width, pack + v * strip);
                std::fill(pack + v * strip + width, pack + (v + 1) * strip, 0.0f);
            }
            for (int64_t i = 0; i < n; ++i) {
                float sum[strip];
                sums(columns.row.data(), x.data(), columns.begin[at(i)], columns.begin[at(i + 1)], pack, sum);
                std::copy_n(sum, width, out.data() + i * n + s);
            }
        }
    });
    serendip::parallel_for((n + strip - 1) / strip, 1, threads, [&](int64_t first, int64_t last, int thread) {
        float* pack = packs[static_cast<std::size_t>(thread)].data();
        for (int64_t i = first * strip; i < last * strip; i += strip) {
            const int64_t height = std::min(strip, n - i);
            float* rows = out.data() + i * n;
            for (int64_t u = 0; u < m; u += together)
                for (int64_t c = 0; c < strip; ++c)
                    for (int64_t v = u; v < std::min(u + together, m); ++v)
                        pack[v * strip + c] = c < height ? rows[c * n + v] : 0.0f;
            for (int64_t j = 0; j < i + height; j += together) {
                const int64_t count = std::min(together, i + height - j);
                float sum[together][strip];
                for (int64_t d = 0; d < count; ++d)
                    sums(columns.row.data(), x.data(), columns.begin[at(j + d)], columns.begin[at(j + d + 1)], pack,
                         sum[d]);
                for (int64_t c = 0; c < height; ++c)
                    for (int64_t d = 0; d < count; ++d) rows[c * n + j + d] = sum[d][c];
            }
        }
    });
}

// Copies the lower triangle of a square matrix over the upper one.
void mirror(InOut<float, 2> a, int threads) {
    const auto n = static_cast<int64_t>(a.shape(0));
    constexpr int64_t side = 32;
    serendip::parallel_for((n + side - 1) / side, 1, threads, [&](int64_t first, int64_t last, int) {
        for (int64_t i = first * side; i < std::min(last * side, n); i += side)
            for (int64_t j = 0; j <= i; j += side)
                for (int64_t r = i; r < std::min(i + side, n); ++r)
                    for (int64_t c = j; c < std::min(j + side, r); ++c) a.data()[c * n + r] = a.data()[r * n + c];
    });
}

}  // namespace

void bind_gram(nb::module_& m) {
    m.def("gram_lower", &gram_lower, nb::arg("indptr"), nb::arg("indices"), nb::arg("value").none(), nb::arg("out"),
          nb::arg("threads"));
    m.def("sandwich_lower", &sandwich_lower, nb::arg("indptr"), nb::arg("indices"), nb::arg("value").none(),
          nb::arg("k"), nb::arg("out"), nb::arg("threads"));
    m.def("mirror", &mirror);
}
