// The arithmetic of logistic.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole cache lines wide.

typedef uint32_t bits __attribute__((vector_size(4 * lanes)));

// 1 / (1 + e^-s). e^z = 2^k e^r with |r| <= ln 2 / 2, and a polynomial for e^r: right to 2 in 10^7.
INLINE vec sigmoid(vec s) {
    vec z = -s;
    z = z < -87.0f ? vec{} - 87.0f : z > 87.0f ? vec{} + 87.0f : z;
    const vec shifted = z * 1.44269504f + 12582912.0f;  // the sum's last bits are k, to the nearest
    const vec k = shifted - 12582912.0f, r = z - k * 0.693359375f + k * 2.12194440e-4f;
    vec e = r * 1.9875691500e-4f + 1.3981999507e-3f;
    e = e * r + 8.3334519073e-3f;
    e = e * r + 4.1665795894e-2f;
    e = e * r + 1.6666665459e-1f;
    e = e * r + 5.0000001201e-1f;
    e = e * r * r + r + 1.0f;
    const bits power = ((bits)shifted << 23) + 0x3F800000u;  // of 2^k
    return 1.0f / (1.0f + e * (vec)power);
}

INLINE void sigmoids(float* s, int64_t n) {  // of n floats, and of what stands behind them up to a whole vector
    for (int64_t t = 0; t < n; t += lanes) store(s + t, sigmoid(load(s + t)));
}

// Take what the fixed rows that were drawn pull towards off the slopes of four rows of x. `score` (4 n_drawn,).
INLINE void compare(const Sides& a, const float* const* x, float* slope, float* score) {
    for (int64_t j = 0; j < a.n_drawn; ++j) {
        const float* y = a.drawn + j * a.width;
        vec product[TOGETHER] = {};
        for (int64_t f = 0; f < a.width; f += lanes) {
            const vec of_y = load(y + f);
            EACH (k, TOGETHER) product[k] += load(x[k] + f) * of_y;
        }
        const vec4 four = four_sums(product[0], product[1], product[2], product[3]);
        EACH (k, TOGETHER) score[TOGETHER * j + k] = four[k];
    }
    sigmoids(score, TOGETHER * a.n_drawn);
    for (int64_t j = 0; j < a.n_drawn; ++j) EACH (k, TOGETHER) score[TOGETHER * j + k] *= a.each[j];
    for (int64_t f = 0; f < a.width; f += lanes) {
        vec sums[TOGETHER] = {};
        for (int64_t j = 0; j < a.n_drawn; ++j) {
            const vec of_y = load(a.drawn + j * a.width + f);
            EACH (k, TOGETHER) sums[k] += score[TOGETHER * j + k] * of_y;
        }
        EACH (k, TOGETHER) store(slope + k * a.width + f, -sums[k]);
    }
}

// Add what row u took to its slope. `score` (as many as it took,).
INLINE void attract(const Interactions& taken, const Sides& a, int64_t u, const float* x, float* slope, float* score) {
    const int32_t* index = taken.index + taken.begin[u];
    const float* weight = taken.weight + taken.begin[u];
    const int64_t n = taken.begin[u + 1] - taken.begin[u];
    for (int64_t t = 0; t < n; ++t) {
        const float* y = a.y + index[t] * a.width;
        vec product = {};
        for (int64_t f = 0; f < a.width; f += lanes) product += load(x + f) * load(y + f);
        score[t] = -sum(product);
    }
    sigmoids(score, n);  // of the opposite: the probability that it is not taken
    for (int64_t t = 0; t < n; ++t) {
        const float* y = a.y + index[t] * a.width;
        const float pull = weight[t] * score[t];
        for (int64_t f = 0; f < a.width; f += lanes) store(slope + f, load(slope + f) + pull * load(y + f));
    }
}

// Step rows [first, last) of x, and add up their squared gradients (AdaGrad).
void logistic_climb(const Interactions& taken, const Sides& a, const Ascent& c, int64_t first, int64_t last,
                    float* scratch) {
    float *slope = scratch, *score = scratch + TOGETHER * a.width;
    for (int64_t begin = first; begin < last; begin += TOGETHER) {
        const float* rows[TOGETHER];
        EACH (k, TOGETHER) rows[k] = a.x + (begin + k < last ? begin + k : last - 1) * a.width;
        compare(a, rows, slope, score);
        for (int64_t u = begin; u < last && u < begin + TOGETHER; ++u) {
            float *x = a.x + u * a.width, *square = a.square + u * a.width, *up = slope + (u - begin) * a.width;
            attract(taken, a, u, x, up, score);
            for (int64_t f = 0; f < a.width; ++f) {
                const float g = f == a.fixed ? 0.0f : up[f] - (f < a.rank ? c.l2 * x[f] : 0.0f);
                square[f] += g * g;
                x[f] += c.learning_rate * g / std::sqrt(square[f] + 1e-8f);
            }
        }
    }
}
