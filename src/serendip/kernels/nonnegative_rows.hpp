// The arithmetic of nonnegative.cpp, compiled once an instruction set (each_isa.hpp). Factors are padded with zeros to
// whole vectors and whole blocks of `side` rows.

constexpr int side = 8;     // rows of a block of A that is summed in registers, a vector wide
constexpr int at_once = 64;  // rows of y that are gathered at once

int64_t nonnegative_padded(int64_t rank) {
    constexpr int64_t whole = lanes < side ? side : lanes;
    return (rank + whole - 1) / whole * whole;
}

int64_t nonnegative_scratch(int64_t padded) { return padded * (padded + at_once + 2); }

INLINE void add_row(float* out, const float* row, float step, int64_t n) {
    for (int64_t f = 0; f < n; f += lanes) store(out + f, load(out + f) + step * load(row + f));
}

// A = gram + sum of weight y y' over a row's entries, below the diagonal by blocks, then mirrored; and what `gradient`
// holds less the sum of target y.
INLINE void weighted_gram(const NonnegativeRows& p, int64_t begin, int64_t end, float* a, float* gradient,
                          float* rows) {
    const int64_t n = p.padded;
    for (int64_t f = 0; f < n * n; f += lanes) store(a + f, load(p.gram + f));
    for (int64_t first = begin; first < end; first += at_once) {
        const int64_t count = end - first < at_once ? end - first : at_once;
        for (int64_t f = 0; f < n; f += lanes) {
            vec rest = load(gradient + f);
            for (int64_t t = 0; t < count; ++t) {
                const vec y = load(p.y + p.indices[first + t] * n + f);
                store(rows + t * n + f, y);
                rest -= p.target[first + t] * y;
            }
            store(gradient + f, rest);
        }
        for (int64_t f = 0; f < n; f += side)
            for (int64_t h = 0; h < f + side; h += lanes) {
                vec sum[side];
                EACH (r, side) sum[r] = load(a + (f + r) * n + h);
                for (int64_t t = 0; t < count; ++t) {
                    const vec y = p.weight[first + t] * load(rows + t * n + h);
                    EACH (r, side) sum[r] += rows[t * n + f + r] * y;
                }
                EACH (r, side) store(a + (f + r) * n + h, sum[r]);
            }
    }
    for (int64_t f = 0; f < n; ++f)
        for (int64_t h = 0; h < f; ++h) a[h * n + f] = a[f * n + h];
}

void nonnegative_range(const NonnegativeRows& p, int64_t first, int64_t last, float* scratch) {
    const int64_t n = p.padded;
    float *gradient = scratch, *x = gradient + n, *a = x + n, *rows = a + n * n;
    for (int64_t u = first; u < last; ++u) {
        const int64_t begin = p.indptr[u], end = p.indptr[u + 1];
        float* own = p.x + u * p.rank;
        for (int64_t f = 0; f < n; ++f) {
            gradient[f] = 0;
            x[f] = f < p.rank && begin < end ? own[f] : 0;
        }
        const float* square = p.gram;
        if (p.weight == nullptr) {
            for (int64_t t = begin; t < end; ++t) add_row(gradient, p.y + p.indices[t] * n, -p.target[t], n);
        } else if (begin < end) {
            weighted_gram(p, begin, end, a, gradient, rows);
            square = a;
        }
        for (int64_t f = 0; f < p.rank; ++f)
            if (x[f] != 0) add_row(gradient, square + f * n, x[f], n);
        const float l2 = p.l2[u];
        for (int64_t sweep = 0; sweep < p.sweeps && begin < end; ++sweep) {
            float change = 0, largest = 0;
            for (int64_t f = 0; f < p.rank; ++f) {
                const float diagonal = square[f * n + f], all = diagonal + l2;
                float value = all > 0 ? (diagonal * x[f] - gradient[f]) / all : 0.0f;
                if (value < 0) value = 0;
                if (value > largest) largest = value;
                const float step = value - x[f], size = step < 0 ? -step : step;
                if (step == 0) continue;
                x[f] = value;
                add_row(gradient, square + f * n, step, n);
                if (size > change) change = size;
            }
            if (change <= p.tolerance * largest) break;
        }
        for (int64_t f = 0; f < p.rank; ++f) own[f] = x[f];
    }
}
