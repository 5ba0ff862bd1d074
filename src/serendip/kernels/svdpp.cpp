// One epoch of SVD++ (Koren, KDD 2008, equation 15) by stochastic gradient descent.
//
// At each rating all y_j of its user get the same decay and the same increment, so neither is written at once: the sum
// z = |N|^-1/2 sum_j y_j follows both in O(rank), and the y_j take decay and increment together after the user's last
// rating. The users come one after the other, because nearly any two share items: threads would only wait.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "isa.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Rows {  // compressed rows by user
    const int64_t* begin;
    const int32_t* item;
};

struct Parameters {
    float mean;
    float *user_bias, *item_bias;  // (n_users,), (n_items,)
    float *p, *q, *y;              // (n_users, rank), (n_items, rank), (n_items, rank)
    int64_t rank;
};

struct Steps {
    float learning_rate, l2, l2_bias, l2_implied;
};

constexpr int64_t lanes = 8;  // partial sums of a dot product, in an order that no instruction set changes

// Visit all ratings of user u, their errors squared and summed; z and grown (rank,) are scratch.
[[gnu::always_inline]] inline double learn(int64_t u, const Rows& implied, const Rows& rated, const float* value,
                                           const Parameters& w, const Steps& s, float* __restrict z,
                                           float* __restrict grown) {
    const int64_t rank = w.rank, whole = rank - rank % lanes;
    const int64_t m = implied.begin[u + 1] - implied.begin[u];
    const float norm = m > 0 ? 1 / std::sqrt(static_cast<float>(m)) : 0;
    const int32_t* own = implied.item + implied.begin[u];
    for (int64_t f = 0; f < rank; ++f) z[f] = grown[f] = 0;
    for (int64_t t = 0; t < m; ++t) {
        const float* y = w.y + own[t] * rank;
        for (int64_t f = 0; f < rank; ++f) z[f] += y[f];
    }
    for (int64_t f = 0; f < rank; ++f) z[f] *= norm;

    float* __restrict p = w.p + u * rank;
    const float keep = 1 - s.learning_rate * s.l2, keep_implied = 1 - s.learning_rate * s.l2_implied;
    float decay = 1;
    double loss = 0;
    for (int64_t t = rated.begin[u]; t < rated.begin[u + 1]; ++t) {
        const int64_t i = rated.item[t];
        float* __restrict q = w.q + i * rank;
        float partial[lanes] = {};
        for (int64_t f = 0; f < whole; f += lanes)
            for (int64_t l = 0; l < lanes; ++l) partial[l] += (p[f + l] + z[f + l]) * q[f + l];
        for (int64_t f = whole; f < rank; ++f) partial[f - whole] += (p[f] + z[f]) * q[f];
        const float product = std::accumulate(partial, partial + lanes, 0.0f);

        const float error = value[t] - (w.mean + w.user_bias[u] + w.item_bias[i] + product);
        loss += static_cast<double>(error) * error;
        w.user_bias[u] += s.learning_rate * (error - s.l2_bias * w.user_bias[u]);
        w.item_bias[i] += s.learning_rate * (error - s.l2_bias * w.item_bias[i]);
        const float step = s.learning_rate * error, implied_step = m > 0 ? step : 0;
        for (int64_t f = 0; f < rank; ++f) {
            const float old = q[f];
            q[f] = keep * old + step * (p[f] + z[f]);
            p[f] = keep * p[f] + step * old;
            z[f] = keep_implied * z[f] +
                   implied_step * old;  // m items, each grown by norm * step * q: norm * m * norm = 1
            grown[f] = keep_implied * grown[f] + norm * step * old;
        }
        decay *= keep_implied;
    }
    if (rated.begin[u] < rated.begin[u + 1])
        for (int64_t t = 0; t < m; ++t) {
            float* __restrict y = w.y + own[t] * rank;
            for (int64_t f = 0; f < rank; ++f) y[f] = decay * y[f] + grown[f];
        }
    return loss;
}

using Learn = double (*)(int64_t, const Rows&, const Rows&, const float*, const Parameters&, const Steps&, float*,
                         float*);
double learn_portable(int64_t u, const Rows& implied, const Rows& rated, const float* value, const Parameters& w,
                      const Steps& s, float* z, float* grown) {
    return learn(u, implied, rated, value, w, s, z, grown);
}
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] double learn_avx2(int64_t u, const Rows& implied, const Rows& rated, const float* value,
                                              const Parameters& w, const Steps& s, float* z, float* grown) {
    return learn(u, implied, rated, value, w, s, z, grown);
}
#endif

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

double epoch(Vector<const int32_t> order, Vector<const int64_t> implied_begin, Vector<const int32_t> implied_item,
             Vector<const int64_t> begin, Vector<const int32_t> item, Vector<const float> value, float mean,
             Vector<float> user_bias, Vector<float> item_bias, Matrix<float> p, Matrix<float> q, Matrix<float> y,
             float learning_rate, float l2, float l2_bias, float l2_implied) {
    const Rows implied{implied_begin.data(), implied_item.data()}, rated{begin.data(), item.data()};
    const Parameters parameters{
        mean, user_bias.data(), item_bias.data(), p.data(), q.data(), y.data(), static_cast<int64_t>(p.shape(1))};
    const Steps steps{learning_rate, l2, l2_bias, l2_implied};
    Learn run = &learn_portable;
#if SERENDIP_X86
    if (serendip::isa() != serendip::Isa::portable) run = &learn_avx2;
#endif
    std::vector<float> scratch(2 * parameters.rank);
    double loss = 0;
    serendip::parallel_for(static_cast<int64_t>(order.shape(0)), 16, 1, [&](int64_t first, int64_t last, int) {
        for (int64_t t = first; t < last; ++t)
            loss += run(order.data()[t], implied, rated, value.data(), parameters, steps, scratch.data(),
                        scratch.data() + parameters.rank);
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // an epoch may be too short to be asked within
    return loss;
}

}  // namespace

void bind_svdpp(nb::module_& module) {
    module.def("svdpp_epoch", &epoch, nb::arg("order").noconvert(), nb::arg("implied_begin").noconvert(),
               nb::arg("implied_item").noconvert(), nb::arg("begin").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("mean"), nb::arg("user_bias").noconvert(),
               nb::arg("item_bias").noconvert(), nb::arg("p").noconvert(), nb::arg("q").noconvert(),
               nb::arg("y").noconvert(), nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"),
               nb::arg("l2_implied"));
}
