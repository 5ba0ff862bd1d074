// One half-sweep of non-negative matrix factorisation: each row's non-negative least squares by coordinate descent
// (Cichocki, Phan: Fast Local Algorithms for Large Scale Nonnegative Matrix and Tensor Factorizations, IEICE Trans.
// E92-A(3), 2009; Hsieh, Dhillon: Fast Coordinate Descent Methods with Variable Selection for NMF, KDD 2011).

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "isa.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Rows {
    const int64_t* indptr;
    const int32_t* indices;
    const float *weight, *target;  // weight: null where every weight is zero
    const float *y, *gram, *l2;
    float* x;
    int64_t rank, sweeps;
    float tolerance;
};

// out += step * row
[[gnu::always_inline]] inline void add(float* __restrict out, const float* __restrict row, float step, int64_t n) {
    for (int64_t f = 0; f < n; ++f) out[f] += step * row[f];
}

// `a` (rank, rank) and `gradient` (rank,) are scratch.
[[gnu::always_inline]] inline void solve(const Rows& p, int64_t u, float* a, float* gradient) {
    const int64_t rank = p.rank, begin = p.indptr[u], end = p.indptr[u + 1];
    float* x = p.x + u * rank;
    if (begin == end) {
        std::fill_n(x, rank, 0.0f);
        return;
    }
    const float* square = p.gram;
    std::fill_n(gradient, rank, 0.0f);
    for (int64_t t = begin; t < end; ++t) add(gradient, p.y + p.indices[t] * rank, -p.target[t], rank);
    if (p.weight != nullptr) {
        std::copy_n(p.gram, rank * rank, a);
        for (int64_t t = begin; t < end; ++t) {
            const float* y = p.y + p.indices[t] * rank;
            for (int64_t f = 0; f < rank; ++f) add(a + f * rank, y, p.weight[t] * y[f], f + 1);
        }
        for (int64_t f = 0; f < rank; ++f)
            for (int64_t h = 0; h < f; ++h) a[h * rank + f] = a[f * rank + h];
        square = a;
    }
    for (int64_t f = 0; f < rank; ++f)
        if (x[f] != 0) add(gradient, square + f * rank, x[f], rank);
    const float l2 = p.l2[u];
    for (int64_t sweep = 0; sweep < p.sweeps; ++sweep) {
        float change = 0, largest = 0;
        for (int64_t f = 0; f < rank; ++f) {
            const float own = square[f * rank + f];
            const float value = own + l2 > 0 ? std::max(0.0f, (own * x[f] - gradient[f]) / (own + l2)) : 0.0f;
            const float step = value - x[f];
            largest = std::max(largest, value);
            if (step == 0) continue;
            x[f] = value;
            add(gradient, square + f * rank, step, rank);
            change = std::max(change, std::abs(step));
        }
        if (change <= p.tolerance * largest) break;
    }
}

void rows_portable(const Rows& p, int64_t begin, int64_t end, float* a, float* gradient) {
    for (int64_t u = begin; u < end; ++u) solve(p, u, a, gradient);
}
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] void rows_avx2(const Rows& p, int64_t begin, int64_t end, float* a, float* gradient) {
    for (int64_t u = begin; u < end; ++u) solve(p, u, a, gradient);
}
#endif

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int Dimensions>
using InOut = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

void nonnegative_rows(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<float, 1> weight, In<float, 1> target,
                      In<float, 2> y, In<float, 2> gram, In<float, 1> l2, InOut<float, 2> x, int64_t sweeps,
                      float tolerance, int threads) {
    const int64_t n = x.shape(0), rank = x.shape(1), nnz = indices.shape(0);
    const bool weighted = std::any_of(weight.data(), weight.data() + nnz, [](float w) { return w != 0; });
    const Rows p{indptr.data(), indices.data(), weighted ? weight.data() : nullptr,
                 target.data(), y.data(),       gram.data(),
                 l2.data(),     x.data(),       rank,
                 sweeps,        tolerance};
    auto* run = &rows_portable;
#if SERENDIP_X86
    if (serendip::isa() != serendip::Isa::portable) run = &rows_avx2;
#endif
    std::vector<std::vector<float>> scratch(threads);
    serendip::parallel_for(n, 32, threads, [&](int64_t begin, int64_t end, int thread) {
        std::vector<float>& own = scratch[thread];
        own.resize(rank * rank + rank);
        run(p, begin, end, own.data(), own.data() + rank * rank);
    });
}

}  // namespace

void bind_nonnegative(nb::module_& module) {
    module.def("nonnegative_rows", &nonnegative_rows, nb::arg("indptr").noconvert(), nb::arg("indices").noconvert(),
               nb::arg("weight").noconvert(), nb::arg("target").noconvert(), nb::arg("y").noconvert(),
               nb::arg("gram").noconvert(), nb::arg("l2").noconvert(), nb::arg("x").noconvert(), nb::arg("sweeps"),
               nb::arg("tolerance"), nb::arg("threads"));
}
