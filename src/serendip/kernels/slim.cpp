// Columns of a sparse linear item-to-item model, each from the Gram matrix alone: SLIM's elastic net by coordinate
// descent (Ning, Karypis, ICDM 2011; Friedman, Hastie, Tibshirani, JSS 33(1), 2010, section 2.2: covariance updates).

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrays.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

struct Gram {  // symmetric, in rows; the diagonal apart
    int64_t n;
    const int64_t* indptr;
    const int32_t* indices;
    const float *data, *diagonal;
};

struct Settings {
    float l1, l2, tolerance;
    int64_t k, sweeps;
};

// r += step * row
[[gnu::always_inline]] inline void add(float* __restrict r, const float* __restrict row, float step, int64_t k) {
    for (int64_t c = 0; c < k; ++c) r[c] += step * row[c];
}
void add_portable(float* r, const float* row, float step, int64_t k) { add(r, row, step, k); }
#if SERENDIP_X86
[[gnu::target("avx2,fma")]] void add_avx2(float* r, const float* row, float step, int64_t k) { add(r, row, step, k); }
#endif

struct Weight {
    int32_t row;
    float value;
};

class Column {
    struct Candidate {
        float gain;  // by how much twice the objective falls if this weight alone is fitted
        int32_t item;
        float product;  // G_ij
    };

    const Gram& g;
    const Settings& s;
    void (*const axpy)(float*, const float*, float, int64_t);
    std::vector<int32_t> position;  // (n,): where an item stands among the candidates, -1: it does not
    std::vector<Candidate> candidates;
    std::vector<float> w, gradient;  // (k,): weights; Gw - g, the penalties apart
    std::vector<int64_t> at;         // (k,): where a candidate's row of products begins in `rows`, -1: not yet fetched
    std::vector<float> rows;         // products with all candidates, only of those that ever had a weight
    std::vector<int32_t> active;     // candidates whose weight was not zero at the last look at all of them
    std::vector<Weight> found;

    const float* row(int64_t c) {
        const int64_t k = static_cast<int64_t>(candidates.size());
        if (at[c] < 0) {
            at[c] = static_cast<int64_t>(rows.size());
            rows.resize(rows.size() + k, 0.0f);
            float* out = rows.data() + at[c];
            const int32_t item = candidates[c].item;
            for (int64_t t = g.indptr[item]; t < g.indptr[item + 1]; ++t) {
                const int32_t p = position[g.indices[t]];
                if (p >= 0) out[p] = g.data[t];
            }
            out[c] = g.diagonal[item];
        }
        return rows.data() + at[c];
    }

    // Fit one weight to the others; the change, in the units of a column's length.
    float fit(int64_t c) {
        const float square = g.diagonal[candidates[c].item];
        const float value = std::max(0.0f, (w[c] * square - gradient[c] - s.l1) / (square + s.l2));
        const float step = value - w[c];
        if (step == 0) return 0;
        w[c] = value;
        axpy(gradient.data(), row(c), step, static_cast<int64_t>(candidates.size()));
        return std::abs(step) * std::sqrt(square + s.l2);
    }

public:
    Column(const Gram& g, const Settings& s)
        : g(g),
          s(s),
#if SERENDIP_X86
          axpy(serendip::isa() != serendip::Isa::portable ? add_avx2 : add_portable),
#else
          axpy(add_portable),
#endif
          position(g.n, -1) {
    }

    const std::vector<Weight>& operator()(int64_t i) {
        // With neither negative products nor negative weights a gradient only rises from -G_ij + l1: the other items
        // never come to a weight.
        candidates.clear();
        for (int64_t t = g.indptr[i]; t < g.indptr[i + 1]; ++t) {
            const int32_t j = g.indices[t];
            const float beyond = g.data[t] - s.l1;
            if (j != i && beyond > 0) candidates.push_back({beyond * beyond / (g.diagonal[j] + s.l2), j, g.data[t]});
        }
        const auto better = [](const Candidate& a, const Candidate& b) {
            return a.gain != b.gain ? a.gain > b.gain : a.item < b.item;
        };
        if (static_cast<int64_t>(candidates.size()) > s.k) {
            std::nth_element(candidates.begin(), candidates.begin() + s.k, candidates.end(), better);
            candidates.resize(s.k);
        }
        std::sort(candidates.begin(), candidates.end(), better);

        const int64_t k = static_cast<int64_t>(candidates.size());
        w.assign(k, 0);
        gradient.resize(k);
        at.assign(k, -1);
        rows.clear();
        for (int64_t c = 0; c < k; ++c) {
            position[candidates[c].item] = static_cast<int32_t>(c);
            gradient[c] = -candidates[c].product;
        }
        const float enough = s.tolerance * std::sqrt(g.diagonal[i]);
        for (int64_t sweep = 0; sweep < s.sweeps;) {  // over all, then over those with a weight until these stand still
            float change = 0;
            for (int64_t c = 0; c < k; ++c) change = std::max(change, fit(c));
            ++sweep;
            if (change <= enough) break;
            active.clear();
            for (int64_t c = 0; c < k; ++c)
                if (w[c] > 0) active.push_back(static_cast<int32_t>(c));
            for (change = 2 * enough; sweep < s.sweeps && change > enough; ++sweep) {
                change = 0;
                for (const int32_t c : active) change = std::max(change, fit(c));
            }
        }
        found.clear();
        for (int64_t c = 0; c < k; ++c) {
            position[candidates[c].item] = -1;
            if (w[c] > 0) found.push_back({candidates[c].item, w[c]});
        }
        std::sort(found.begin(), found.end(), [](const Weight& a, const Weight& b) { return a.row < b.row; });
        return found;
    }
};

using serendip::array, serendip::In;

nb::tuple columns(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<float, 1> data, In<float, 1> diagonal, float l1,
                  float l2, int64_t k, int64_t sweeps, float tolerance, int threads) {
    const Gram g{static_cast<int64_t>(diagonal.shape(0)), indptr.data(), indices.data(), data.data(), diagonal.data()};
    const Settings s{l1, l2, tolerance, k, sweeps};
    constexpr int64_t chunk = 4;
    const int64_t chunks = (g.n + chunk - 1) / chunk;
    std::vector<std::vector<Weight>> found(chunks);
    auto end = array<int64_t>(g.n + 1);
    end.data()[0] = 0;
    std::vector<std::unique_ptr<Column>> column(threads);  // one a thread, made by the thread that uses it
    serendip::parallel_for(g.n, chunk, threads, [&](int64_t begin, int64_t stop, int thread) {
        if (!column[thread]) column[thread] = std::make_unique<Column>(g, s);
        std::vector<Weight>& out = found[begin / chunk];
        for (int64_t i = begin; i < stop; ++i) {
            const std::vector<Weight>& weights = (*column[thread])(i);
            end.data()[i + 1] = static_cast<int64_t>(weights.size());
            out.insert(out.end(), weights.begin(), weights.end());
        }
    });
    for (int64_t i = 0; i < g.n; ++i) end.data()[i + 1] += end.data()[i];
    auto rows = array<int32_t>(end.data()[g.n]);
    auto values = array<float>(end.data()[g.n]);
    int64_t t = 0;
    for (std::vector<Weight>& part : found) {
        for (const Weight& weight : part) {
            rows.data()[t] = weight.row;
            values.data()[t++] = weight.value;
        }
        part = {};
    }
    return nb::make_tuple(end, rows, values);
}

}  // namespace

void bind_slim(nb::module_& module) {
    module.def("slim_columns", &columns, nb::arg("indptr").noconvert(), nb::arg("indices").noconvert(),
               nb::arg("data").noconvert(), nb::arg("diagonal").noconvert(), nb::arg("l1"), nb::arg("l2"), nb::arg("k"),
               nb::arg("sweeps"), nb::arg("tolerance"), nb::arg("threads"));
}
