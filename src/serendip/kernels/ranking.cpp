// Ranking metrics of all users in one pass over their slates.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

using std::int32_t;
using std::int64_t;

using serendip::In, serendip::InOut;

enum Kind : int32_t { precision, recall, hit_rate, average_precision, reciprocal_rank, ndcg };  // as in ranking.py

// One metric from the hits of one slate.
double measure(int32_t kind, const std::uint8_t* hit, int64_t k, int64_t relevant, const double* discount,
               const double* ideal) {
    double sum = 0;
    int64_t found = 0;
    switch (kind) {
        case average_precision:
            for (int64_t p = 0; p < k; ++p)
                if (hit[p]) sum += static_cast<double>(++found) / static_cast<double>(p + 1);
            return sum / static_cast<double>(std::min(k, relevant));
        case reciprocal_rank:
            for (int64_t p = 0; p < k; ++p)
                if (hit[p]) return 1 / static_cast<double>(p + 1);
            return 0;
        case ndcg:
            for (int64_t p = 0; p < k; ++p)
                if (hit[p]) sum += discount[p];
            return sum / ideal[std::min(k, relevant)];
        default:
            for (int64_t p = 0; p < k; ++p) found += hit[p];
            if (kind == hit_rate) return found > 0;
            return static_cast<double>(found) / static_cast<double>(kind == precision ? k : relevant);
    }
}

// hit[u][p] = whether slate u's item at p is relevant; value[m][u] = metric m, NaN where nothing is relevant.
void ranking(In<int32_t, 2> item, In<int64_t, 1> indptr, In<int32_t, 1> indices, In<int64_t, 1> relevant,
             In<int32_t, 1> kind, In<int64_t, 1> at, InOut<std::uint8_t, 2> hit, InOut<double, 2> value, int threads) {
    const auto users = static_cast<int64_t>(item.shape(0)), width = static_cast<int64_t>(item.shape(1));
    const auto metrics = static_cast<int64_t>(kind.shape(0));
    std::vector<double> discount(static_cast<std::size_t>(width)), ideal(static_cast<std::size_t>(width + 1), 0);
    for (int64_t p = 0; p < width; ++p) {
        discount[static_cast<std::size_t>(p)] = 1 / std::log2(static_cast<double>(p + 2));
        ideal[static_cast<std::size_t>(p + 1)] =
            ideal[static_cast<std::size_t>(p)] + discount[static_cast<std::size_t>(p)];
    }
    constexpr int64_t few = 48;  // so many are compared one by one with the whole slate
    serendip::parallel_for(users, 1024, threads, [&](int64_t begin, int64_t end, int) {
        std::vector<int32_t> sorted;
        for (int64_t u = begin; u < end; ++u) {
            const int32_t* slate = item.data() + u * width;
            std::uint8_t* h = hit.data() + u * width;
            const int32_t *first = indices.data() + indptr.data()[u], *last = indices.data() + indptr.data()[u + 1];
            std::fill(h, h + width, std::uint8_t{0});
            if (last - first <= few) {
                for (; first < last; ++first)
                    for (int64_t p = 0; p < width; ++p) h[p] |= slate[p] == *first;
                for (int64_t p = 0; p < width; ++p) h[p] &= slate[p] >= 0;
            } else {
                sorted.assign(first, last);
                if (!std::is_sorted(sorted.begin(), sorted.end())) std::sort(sorted.begin(), sorted.end());
                for (int64_t p = 0; p < width; ++p)
                    h[p] = slate[p] >= 0 && std::binary_search(sorted.begin(), sorted.end(), slate[p]);
            }
            for (int64_t m = 0; m < metrics; ++m)
                value.data()[m * users + u] =
                    relevant.data()[u] > 0
                        ? measure(kind.data()[m], h, at.data()[m], relevant.data()[u], discount.data(), ideal.data())
                        : std::numeric_limits<double>::quiet_NaN();
        }
    });
}

}  // namespace

void bind_ranking(nb::module_& m) { m.def("ranking", &ranking); }
