// One epoch of stochastic gradient descent for biased matrix factorisation (Koren, Bell, Volinsky, IEEE Computer 42(8),
// 2009), in the strata of Gemulla et al. (DSGD, KDD 2011): the blocks of one stratum share neither users nor items, so
// threads never meet and the result does not depend on how many there are.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "isa.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Ratings {  // (N,) each, in the order in which they are visited
    const int32_t *user, *item;
    const float* value;
};

struct Parameters {
    float mean;
    float *user_bias, *item_bias;  // (n_users,), (n_items,)
    float *p, *q;                  // (n_users, rank), (n_items, rank)
    int64_t rank;
};

struct Steps {
    float learning_rate, l2, l2_bias;
};

constexpr int64_t lanes =
    8;  // partial sums of a dot product: a vector's worth, in an order that no instruction set changes

// Visit the ratings [begin, end); the sum of the squared errors, each taken before its own update.
[[gnu::always_inline]] inline double descend(const Ratings& r, int64_t begin, int64_t end, const Parameters& w,
                                             const Steps& s) {
    const int64_t rank = w.rank, whole = rank - rank % lanes;
    const float keep = 1 - s.learning_rate * s.l2;
    double loss = 0;
    for (int64_t t = begin; t < end; ++t) {
        const int64_t u = r.user[t], i = r.item[t];
        float* __restrict p = w.p + u * rank;
        float* __restrict q = w.q + i * rank;
        float partial[lanes] = {};
        for (int64_t f = 0; f < whole; f += lanes)
            for (int64_t l = 0; l < lanes; ++l) partial[l] += p[f + l] * q[f + l];
        for (int64_t f = whole; f < rank; ++f) partial[f - whole] += p[f] * q[f];
        const float product = std::accumulate(partial, partial + lanes, 0.0f);

        const float error = r.value[t] - (w.mean + w.user_bias[u] + w.item_bias[i] + product);
        loss += static_cast<double>(error) * error;
        w.user_bias[u] += s.learning_rate * (error - s.l2_bias * w.user_bias[u]);
        w.item_bias[i] += s.learning_rate * (error - s.l2_bias * w.item_bias[i]);
        const float step = s.learning_rate * error;
        for (int64_t f = 0; f < rank; ++f) {
            const float old = p[f];
            p[f] = keep * old + step * q[f];
            q[f] = keep * q[f] + step * old;
        }
    }
    return loss;
}

double descend_portable(const Ratings& r, int64_t begin, int64_t end, const Parameters& w, const Steps& s) {
    return descend(r, begin, end, w, s);
}
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] double descend_avx2(const Ratings& r, int64_t begin, int64_t end, const Parameters& w,
                                                const Steps& s) {
    return descend(r, begin, end, w, s);
}
#endif

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

double epoch(Vector<const int32_t> user, Vector<const int32_t> item, Vector<const float> value,
             Matrix<const int64_t> offset, float mean, Vector<float> user_bias, Vector<float> item_bias,
             Matrix<float> p, Matrix<float> q, float learning_rate, float l2, float l2_bias, int threads) {
    const Ratings ratings{user.data(), item.data(), value.data()};
    const Parameters parameters{mean,     user_bias.data(), item_bias.data(),
                                p.data(), q.data(),         static_cast<int64_t>(p.shape(1))};
    const Steps steps{learning_rate, l2, l2_bias};
    auto* run = &descend_portable;
#if SERENDIP_X86
    if (serendip::isa() != serendip::Isa::portable) run = &descend_avx2;
#endif
    const int64_t strata = offset.shape(0), blocks = offset.shape(1) - 1;  // a row: their begins, the end
    std::vector<double> loss(strata * blocks, 0);
    for (int64_t stratum = 0; stratum < strata; ++stratum) {
        const int64_t* begin = offset.data() + stratum * (blocks + 1);
        serendip::parallel_for(blocks, 1, threads, [&](int64_t first, int64_t last, int) {
            for (int64_t b = first; b < last; ++b)
                loss[stratum * blocks + b] = run(ratings, begin[b], begin[b + 1], parameters, steps);
        });
        if (PyErr_CheckSignals() != 0) throw nb::python_error();  // a stratum may be too short to be asked within
    }
    return std::accumulate(loss.begin(), loss.end(), 0.0);
}

}  // namespace

void bind_sgd(nb::module_& module) {
    module.def("svd_epoch", &epoch, nb::arg("user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("offset").noconvert(), nb::arg("mean"),
               nb::arg("user_bias").noconvert(), nb::arg("item_bias").noconvert(), nb::arg("p").noconvert(),
               nb::arg("q").noconvert(), nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"),
               nb::arg("threads"));
}
