// Entries of the inverse of a sparse positive definite matrix, approximately: each row from the small dense system of
// the columns that it is allowed. Rows are independent and always solvable, unlike an incomplete factorisation
// (Kolotilina, Yeremin: Factorized Sparse Approximate Inverse Preconditionings, SIAM J. Matrix Anal. 14(1), 1993).

#include <nanobind/nanobind.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Systems {
    const int64_t* indptr;  // the matrix, symmetric, with its diagonal
    const int32_t* indices;
    const float* data;
    const int64_t* pattern;  // each row's columns, its own last
    const int32_t* columns;
    float* value;
};

constexpr int64_t lanes = 16;  // partial sums of an inner product, in an order that no instruction set changes

[[gnu::always_inline]] inline float dot(const float* __restrict a, const float* __restrict b, int64_t n) {
    float part[lanes] = {};
    const int64_t whole = n - n % lanes;
    for (int64_t k = 0; k < whole; k += lanes)
        for (int64_t l = 0; l < lanes; ++l) part[l] += a[k + l] * b[k + l];
    for (int64_t k = whole; k < n; ++k) part[k - whole] += a[k] * b[k];
    for (int64_t h = lanes / 2; h > 0; h /= 2)
        for (int64_t l = 0; l < h; ++l) part[l] += part[l + h];
    return part[0];
}

// The last column of the inverse of the rows' and columns' part of the matrix; false where that is not positive
// definite. `position` (n,) holds -1 everywhere, and does so again afterwards.
[[gnu::always_inline]] inline bool solve(const Systems& p, int64_t i, int32_t* position, std::vector<float>& lower) {
    const int64_t begin = p.pattern[i], k = p.pattern[i + 1] - begin;
    const int32_t* columns = p.columns + begin;
    float* y = p.value + begin;
    lower.assign(k * k, 0.0f);  // row by row
    for (int64_t c = 0; c < k; ++c) position[columns[c]] = static_cast<int32_t>(c);
    for (int64_t c = 0; c < k; ++c)
        for (int64_t t = p.indptr[columns[c]]; t < p.indptr[columns[c] + 1]; ++t) {
            const int32_t at = position[p.indices[t]];
            if (at >= 0 && at <= c) lower[c * k + at] = p.data[t];
        }
    for (int64_t c = 0; c < k; ++c) position[columns[c]] = -1;
    for (int64_t r = 0; r < k; ++r) {
        float* row = lower.data() + r * k;
        for (int64_t c = 0; c < r; ++c) {
            const float* other = lower.data() + c * k;
            row[c] = (row[c] - dot(row, other, c)) / other[c];
        }
        const float pivot = row[r] - dot(row, row, r);
        if (!(pivot > 1e-6f * row[r])) return false;
        row[r] = std::sqrt(pivot);
    }
    // L L' y = (0, ..., 0, 1)': forward gives 1 / L_kk in the last place, then backwards, a row of L at a time.
    for (int64_t c = 0; c + 1 < k; ++c) y[c] = 0;
    y[k - 1] = 1 / lower[k * k - 1];
    for (int64_t r = k - 1; r >= 0; --r) {
        const float* row = lower.data() + r * k;
        y[r] /= row[r];
        for (int64_t c = 0; c < r; ++c) y[c] -= y[r] * row[c];
    }
    return true;
}

int64_t solve_portable(const Systems& p, int64_t begin, int64_t end, int32_t* position, std::vector<float>& lower) {
    for (int64_t i = begin; i < end; ++i)
        if (!solve(p, i, position, lower)) return i;
    return -1;
}
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] int64_t solve_avx2(const Systems& p, int64_t begin, int64_t end, int32_t* position,
                                               std::vector<float>& lower) {
    for (int64_t i = begin; i < end; ++i)
        if (!solve(p, i, position, lower)) return i;
    return -1;
}
#endif

using serendip::In, serendip::InOut;

void inverse_rows(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<float, 1> data, In<int64_t, 1> pattern,
                  In<int32_t, 1> columns, InOut<float, 1> value, int threads) {
    const int64_t n = static_cast<int64_t>(indptr.shape(0)) - 1;
    const Systems p{indptr.data(), indices.data(), data.data(), pattern.data(), columns.data(), value.data()};
    auto* run = &solve_portable;
#if SERENDIP_X86
    if (serendip::isa() != serendip::Isa::portable) run = &solve_avx2;
#endif
    std::vector<std::vector<int32_t>> position(threads);
    std::vector<std::vector<float>> lower(threads);
    serendip::parallel_for(n, 1, threads, [&](int64_t begin, int64_t end, int thread) {
        if (position[thread].empty()) position[thread].assign(n, -1);
        const int64_t failed = run(p, begin, end, position[thread].data(), lower[thread]);
        if (failed >= 0)
            throw nb::value_error(
                ("the system of row " + std::to_string(failed) + " is not positive definite: raise the diagonal")
                    .c_str());
    });
}

}  // namespace

void bind_inverse(nb::module_& module) {
    module.def("inverse_rows", &inverse_rows, nb::arg("indptr").noconvert(), nb::arg("indices").noconvert(),
               nb::arg("data").noconvert(), nb::arg("pattern").noconvert(), nb::arg("columns").noconvert(),
               nb::arg("value").noconvert(), nb::arg("threads"));
}
