// One epoch of AdaGrad over rows of features that belong to fields: linear terms, and factors of pairs of features.
//
// A row is what is asked with (user, context) and an item, each a compressed row of features. With one slot a feature
// it is the factorisation machine of Rendle (ICDM 2010), with one slot a field the field-aware one of Juan, Zhuang, Chin
// and Lin (RecSys 2016). The rows come one after the other: nearly any two share a feature.

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "isa.hpp"
#include "parallel.hpp"
#if SERENDIP_X86
#include <xmmintrin.h>
#endif

namespace nb = nanobind;

namespace {

struct Rows {  // compressed rows of features
    const int64_t* begin;
    const int32_t* feature;
    const float* value;
};

struct Parameters {
    const int32_t* field;  // (n_features,)
    float *bias, *w, *v;   // (1,), (n_features,), (n_features, slots, rank)
    float *bias_g, *w_g, *v_g;  // their sums of squared gradients
    int64_t slots, rank;
};

struct Steps {
    bool logistic;
    float learning_rate, l2, l2_linear;
};

struct Scratch {
    std::vector<int32_t> feature;
    std::vector<float> value, sum, gradient;
};

[[gnu::always_inline]] inline void step(float& parameter, float& squares, float g, float learning_rate) {
    squares += g * g;
    parameter -= learning_rate * g / std::sqrt(squares);
}

// Move n factors against g times `other`; `other` is read before this or its partner is written.
[[gnu::always_inline]] inline void step_row(float* __restrict v, float* __restrict squares,
                                            const float* __restrict gradient, int64_t n, float learning_rate,
                                            float l2) {
    for (int64_t f = 0; f < n; ++f) {
        const float g = gradient[f] + l2 * v[f];
        squares[f] += g * g;
        v[f] -= learning_rate * g / std::sqrt(squares[f]);
    }
}

[[gnu::always_inline]] inline float dot(const float* __restrict a, const float* __restrict b, int64_t n) {
    constexpr int64_t lanes = 8;  // partial sums in an order that no instruction set changes
    float partial[lanes] = {};
    const int64_t whole = n - n % lanes;
    for (int64_t f = 0; f < whole; f += lanes)
        for (int64_t l = 0; l < lanes; ++l) partial[l] += a[f + l] * b[f + l];
    for (int64_t f = whole; f < n; ++f) partial[f - whole] += a[f] * b[f];
    float total = 0;
    for (int64_t l = 0; l < lanes; ++l) total += partial[l];
    return total;
}

// Learn from one row of s.feature and s.value; return its loss before the step.
[[gnu::always_inline]] inline double learn(float label, const Parameters& p, const Steps& steps, Scratch& s) {
    const auto n = static_cast<int64_t>(s.feature.size());
    const int64_t rank = p.rank, width = p.slots * rank;
    const bool aware = p.slots > 1;
    float score = p.bias[0];
    for (int64_t a = 0; a < n; ++a) score += s.value[a] * p.w[s.feature[a]];
    if (rank > 0 && !aware) {
        std::fill(s.sum.begin(), s.sum.end(), 0.0f);
        float squares = 0;
        for (int64_t a = 0; a < n; ++a) {
            const float *v = p.v + s.feature[a] * width, x = s.value[a];
            for (int64_t f = 0; f < rank; ++f) s.sum[f] += x * v[f];
            squares += x * x * dot(v, v, rank);
        }
        score += 0.5f * (dot(s.sum.data(), s.sum.data(), rank) - squares);
    }
    if (rank > 0 && aware)
        for (int64_t a = 0; a < n; ++a)
            for (int64_t b = a + 1; b < n; ++b) {
                const int64_t i = s.feature[a], j = s.feature[b];
                score += s.value[a] * s.value[b] *
                         dot(p.v + i * width + p.field[j] * rank, p.v + j * width + p.field[i] * rank, rank);
            }

    double loss;
    float g;  // of the loss by the score
    if (steps.logistic) {
        const float margin = label > 0 ? score : -score;
        const float wrong = 1 / (1 + std::exp(margin));
        loss = margin > 0 ? std::log1p(std::exp(-static_cast<double>(margin)))
                          : -static_cast<double>(margin) + std::log1p(std::exp(static_cast<double>(margin)));
        g = label > 0 ? -wrong : wrong;
    } else {
        g = score - label;
        loss = static_cast<double>(g) * g;
    }

    if (rank > 0 && !aware)
        for (int64_t a = 0; a < n; ++a) {
            float *v = p.v + s.feature[a] * width, x = s.value[a];
            for (int64_t f = 0; f < rank; ++f) s.gradient[f] = g * x * (s.sum[f] - x * v[f]);
            step_row(v, p.v_g + s.feature[a] * width, s.gradient.data(), rank, steps.learning_rate, steps.l2);
        }
    if (rank > 0 && aware)
        for (int64_t a = 0; a < n; ++a)
            for (int64_t b = a + 1; b < n; ++b) {
                const int64_t at = s.feature[a] * width + p.field[s.feature[b]] * rank;
                const int64_t to = s.feature[b] * width + p.field[s.feature[a]] * rank;
                const float x = g * s.value[a] * s.value[b];
                float *one = s.gradient.data(), *other = s.gradient.data() + rank;
                for (int64_t f = 0; f < rank; ++f) {
                    one[f] = x * p.v[to + f];
                    other[f] = x * p.v[at + f];
                }
                step_row(p.v + at, p.v_g + at, one, rank, steps.learning_rate, steps.l2);
                step_row(p.v + to, p.v_g + to, other, rank, steps.learning_rate, steps.l2);
            }
    for (int64_t a = 0; a < n; ++a) {
        const int64_t i = s.feature[a];
        step(p.w[i], p.w_g[i], g * s.value[a] + steps.l2_linear * p.w[i], steps.learning_rate);
    }
    step(p.bias[0], p.bias_g[0], g, steps.learning_rate);
    return loss;
}

using Learn = double (*)(float, const Parameters&, const Steps&, Scratch&);
double learn_portable(float label, const Parameters& p, const Steps& steps, Scratch& s) {
    return learn(label, p, steps, s);
}
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] double learn_avx2(float label, const Parameters& p, const Steps& steps, Scratch& s) {
    return learn(label, p, steps, s);
}
#endif

using serendip::In, serendip::InOut;

void append(const Rows& rows, int64_t r, Scratch& s) {
    s.feature.insert(s.feature.end(), rows.feature + rows.begin[r], rows.feature + rows.begin[r + 1]);
    s.value.insert(s.value.end(), rows.value + rows.begin[r], rows.value + rows.begin[r + 1]);
}

// What the penalty has shrunk to nothing is nothing: arithmetic on subnormal numbers takes a hundred times as long.
class FlushToZero {
  public:
#if SERENDIP_X86
    FlushToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~FlushToZero() { _mm_setcsr(before_); }

  private:
    unsigned before_;
#endif
};

// Rows come in random order, and each waits for its pair, for where its features begin, for them, and for what they
// weigh: each is asked for some rows before it is needed. 64 factors of a feature are enough to begin with.
constexpr int64_t AHEAD = 4, LINE = 16, FETCHED = 64;

[[gnu::always_inline]] inline void fetch(const void* at) { __builtin_prefetch(at); }

void fetch_features(const Rows& rows, int64_t r) {
    fetch(rows.feature + rows.begin[r]);
    fetch(rows.value + rows.begin[r]);
}

void fetch_parameters(const Rows& rows, int64_t r, const Parameters& p) {
    const int64_t width = p.slots * p.rank;
    for (int64_t at = rows.begin[r]; at < rows.begin[r + 1]; ++at) {
        const int64_t i = rows.feature[at];
        fetch(p.w + i);
        fetch(p.w_g + i);
        for (int64_t f = i * width; f < i * width + std::min(width, FETCHED); f += LINE) {
            fetch(p.v + f);
            fetch(p.v_g + f);
        }
    }
}

double epoch(In<int64_t, 1> order, In<int32_t, 1> query, In<int32_t, 1> item, In<float, 1> label,
             In<int64_t, 1> query_begin, In<int32_t, 1> query_feature, In<float, 1> query_value,
             In<int64_t, 1> item_begin, In<int32_t, 1> item_feature, In<float, 1> item_value, In<int32_t, 1> field,
             InOut<float, 1> bias, InOut<float, 1> w, InOut<float, 3> v, InOut<float, 1> bias_g, InOut<float, 1> w_g,
             InOut<float, 3> v_g, bool logistic, float learning_rate, float l2, float l2_linear) {
    const Rows queries{query_begin.data(), query_feature.data(), query_value.data()};
    const Rows items{item_begin.data(), item_feature.data(), item_value.data()};
    const Parameters p{field.data(),
                       bias.data(),
                       w.data(),
                       v.data(),
                       bias_g.data(),
                       w_g.data(),
                       v_g.data(),
                       static_cast<int64_t>(v.shape(1)),
                       static_cast<int64_t>(v.shape(2))};
    const Steps steps{logistic, learning_rate, l2, l2_linear};
    Learn run = &learn_portable;
#if SERENDIP_X86
    if (serendip::isa() != serendip::Isa::portable) run = &learn_avx2;
#endif
    Scratch s;
    s.sum.resize(p.rank);
    s.gradient.resize(2 * p.rank);
    double loss = 0;
    const auto n_rows = static_cast<int64_t>(order.shape(0));
    const auto at = [&](int64_t t) { return order.data()[std::min(t, n_rows - 1)]; };
    serendip::parallel_for(n_rows, 1024, 1, [&](int64_t first, int64_t last, int) {
        const FlushToZero flushed;
        for (int64_t t = first; t < last; ++t) {
            const int64_t pair = at(t + 4 * AHEAD), begin = at(t + 3 * AHEAD);
            const int64_t features = at(t + 2 * AHEAD), parameters = at(t + AHEAD);
            fetch(query.data() + pair);
            fetch(item.data() + pair);
            fetch(label.data() + pair);
            fetch(queries.begin + query.data()[begin]);
            fetch(items.begin + item.data()[begin]);
            fetch_features(queries, query.data()[features]);
            fetch_features(items, item.data()[features]);
            fetch_parameters(queries, query.data()[parameters], p);
            fetch_parameters(items, item.data()[parameters], p);
            const int64_t n = order.data()[t];
            s.feature.clear();
            s.value.clear();
            append(queries, query.data()[n], s);
            append(items, item.data()[n], s);
            loss += run(label.data()[n], p, steps, s);
        }
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // an epoch may be too short to be asked within
    return loss;
}

}  // namespace

void bind_fields(nb::module_& module) {
    module.def("fields_epoch", &epoch, nb::arg("order").noconvert(), nb::arg("query").noconvert(),
               nb::arg("item").noconvert(), nb::arg("label").noconvert(), nb::arg("query_begin").noconvert(),
               nb::arg("query_feature").noconvert(), nb::arg("query_value").noconvert(),
               nb::arg("item_begin").noconvert(), nb::arg("item_feature").noconvert(),
               nb::arg("item_value").noconvert(), nb::arg("field").noconvert(), nb::arg("bias").noconvert(),
               nb::arg("w").noconvert(), nb::arg("v").noconvert(), nb::arg("bias_g").noconvert(),
               nb::arg("w_g").noconvert(), nb::arg("v_g").noconvert(), nb::arg("logistic"), nb::arg("learning_rate"),
               nb::arg("l2"), nb::arg("l2_linear"));
}
