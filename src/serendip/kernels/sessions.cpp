// Sessions that share items with a query, and what they vote for (see sessions.py). A query belongs to one thread, and
// its sums are taken in the order of its items: the number of threads changes nothing.

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

using serendip::In, serendip::InOut;

struct Met {
    float likeness = 0;
    int32_t step = 0, place = 0;  // of the latest shared item: in the query, and in the session
};

void neighbours(In<int64_t, 1> by_item, In<int32_t, 1> holder, In<int32_t, 1> held_at, In<int64_t, 1> query,
                In<int32_t, 1> item, In<float, 1> weight, In<int32_t, 1> own, In<float, 1> strength, int64_t sample,
                InOut<int32_t, 2> session, InOut<float, 2> likeness, InOut<int32_t, 2> step, InOut<int32_t, 2> place,
                int threads) {
    const int64_t n = own.shape(0), n_sessions = strength.shape(0), k = session.shape(1);
    std::vector<std::vector<Met>> scratch(threads, std::vector<Met>(n_sessions));
    serendip::parallel_for(n, 16, threads, [&](int64_t begin, int64_t end, int thread) {
        std::vector<Met>& met = scratch[thread];
        std::vector<int32_t> found;
        for (int64_t b = begin; b < end; ++b) {
            found.clear();
            for (int64_t t = query.data()[b]; t < query.data()[b + 1]; ++t) {
                const float w = weight.data()[t];
                if (!(w > 0)) continue;
                const int32_t i = item.data()[t];
                for (int64_t s = by_item.data()[i]; s < by_item.data()[i + 1]; ++s) {
                    const int32_t v = holder.data()[s];
                    Met& m = met[v];
                    if (m.likeness == 0) {
                        if (v == own.data()[b]) continue;
                        found.push_back(v);
                        m.step = static_cast<int32_t>(t - query.data()[b]);
                        m.place = held_at.data()[s];
                    }
                    m.likeness += w;
                }
            }
            const auto all = found;
            if (static_cast<int64_t>(found.size()) > sample) {  // the latest
                std::nth_element(found.begin(), found.begin() + sample, found.end(), std::greater<>());
                found.resize(sample);
            }
            for (const int32_t v : found) met[v].likeness *= strength.data()[v];
            const auto before = [&](int32_t a, int32_t c) {
                return met[a].likeness != met[c].likeness ? met[a].likeness > met[c].likeness : a > c;
            };
            const auto kept = std::min<int64_t>(k, found.size());
            std::partial_sort(found.begin(), found.begin() + kept, found.end(), before);
            for (int64_t r = 0; r < kept; ++r) {
                const Met& m = met[found[r]];
                const int64_t at = b * k + r;
                session.data()[at] = found[r];
                likeness.data()[at] = m.likeness;
                step.data()[at] = m.step;
                place.data()[at] = m.place;
            }
            for (const int32_t v : all) met[v] = Met{};
        }
    });
}

void votes(In<int64_t, 1> by_session, In<int32_t, 1> item, In<int32_t, 1> at, In<int32_t, 2> session,
           In<float, 2> weight, In<int32_t, 2> place, In<float, 1> near, InOut<float, 2> score, int threads) {
    const int64_t n = session.shape(0), k = session.shape(1), n_items = score.shape(1);
    const auto furthest = static_cast<int64_t>(near.shape(0)) - 1;
    serendip::parallel_for(n, 16, threads, [&](int64_t begin, int64_t end, int) {
        for (int64_t b = begin; b < end; ++b) {
            float* out = score.data() + b * n_items;
            std::fill(out, out + n_items, std::numeric_limits<float>::quiet_NaN());
            for (int64_t r = b * k; r < (b + 1) * k && session.data()[r] >= 0; ++r) {
                const int32_t v = session.data()[r];
                for (int64_t s = by_session.data()[v]; s < by_session.data()[v + 1]; ++s) {
                    const int64_t distance = std::abs(at.data()[s] - place.data()[r]);
                    const float vote = weight.data()[r] * near.data()[std::min(distance, furthest)];
                    float& sum = out[item.data()[s]];
                    sum = std::isnan(sum) ? vote : sum + vote;
                }
            }
        }
    });
}

}  // namespace

void bind_sessions(nb::module_& module) {
    module.def("session_neighbours", &neighbours, nb::arg("by_item").noconvert(), nb::arg("holder").noconvert(),
               nb::arg("held_at").noconvert(), nb::arg("query").noconvert(), nb::arg("item").noconvert(),
               nb::arg("weight").noconvert(), nb::arg("own").noconvert(), nb::arg("strength").noconvert(),
               nb::arg("sample"), nb::arg("session").noconvert(), nb::arg("likeness").noconvert(),
               nb::arg("step").noconvert(), nb::arg("place").noconvert(), nb::arg("threads"));
    module.def("session_votes", &votes, nb::arg("by_session").noconvert(), nb::arg("item").noconvert(),
               nb::arg("at").noconvert(), nb::arg("session").noconvert(), nb::arg("weight").noconvert(),
               nb::arg("place").noconvert(), nb::arg("near").noconvert(), nb::arg("score").noconvert(),
               nb::arg("threads"));
}
