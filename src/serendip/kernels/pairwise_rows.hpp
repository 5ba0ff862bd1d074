// The arithmetic of pairwise.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole cache lines wide.

INLINE void fetch(const float* row, int64_t width) {
    constexpr int64_t line = 16;  // floats in a cache line
    for (int64_t f = 0; f < width; f += line) __builtin_prefetch(row + f, 1);
}

INLINE float score(const Parameters& w, const float* p, int64_t i) {
    const float* q = w.q + i * w.width;
    vec product = {};
    for (int64_t f = 0; f < w.width; f += lanes) product += load(p + f) * load(q + f);
    return w.bias[i] + sum(product);
}

INLINE vec4 four_scores(const Parameters& w, const float* p, const int32_t* item) {
    const float* q[4];
    vec product[4] = {};
    EACH (k, 4) q[k] = w.q + item[k] * w.width;
    for (int64_t f = 0; f < w.width; f += lanes) {
        const vec x = load(p + f);
        EACH (k, 4) product[k] += x * load(q[k] + f);
    }
    const vec4 bias = {w.bias[item[0]], w.bias[item[1]], w.bias[item[2]], w.bias[item[3]]};
    return bias + four_sums(product[0], product[1], product[2], product[3]);
}

// score of i less that of j
INLINE float margin(const Parameters& w, const float* p, int64_t i, int64_t j) {
    const float *qi = w.q + i * w.width, *qj = w.q + j * w.width;
    vec product = {};
    for (int64_t f = 0; f < w.width; f += lanes) product += load(p + f) * (load(qi + f) - load(qj + f));
    return w.bias[i] - w.bias[j] + sum(product);
}

// Raise i above j for user u by the gradient of z (s_i - s_j), less the penalties'. adaptive: each row's steps are
// divided by the root of its sum of squared gradients so far, an item's bias being one more factor of it.
INLINE void raise(const Parameters& w, const Steps& s, bool adaptive, int64_t u, int64_t i, int64_t j, float z) {
    float *p = w.p + u * w.width, *qi = w.q + i * w.width, *qj = w.q + j * w.width;
    const float rate_u = adaptive ? s.learning_rate / std::sqrt(w.p_squares[u]) : s.learning_rate;
    const float rate_i = adaptive ? s.learning_rate / std::sqrt(w.q_squares[i]) : s.learning_rate;
    const float rate_j = adaptive ? s.learning_rate / std::sqrt(w.q_squares[j]) : s.learning_rate;
    vec of_u = {}, of_i = {}, of_j = {};
    for (int64_t f = 0; f < w.width; f += lanes) {
        const vec x = load(p + f), a = load(qi + f), b = load(qj + f);
        const vec up = z * (a - b) - s.l2 * x, up_i = z * x - s.l2 * a, up_j = -(z * x) - s.l2 * b;
        store(p + f, x + rate_u * up);
        store(qi + f, a + rate_i * up_i);
        store(qj + f, b + rate_j * up_j);
        if (adaptive) {
            of_u += up * up;
            of_i += up_i * up_i;
            of_j += up_j * up_j;
        }
    }
    const float up_i = z - s.l2_bias * w.bias[i], up_j = -z - s.l2_bias * w.bias[j];
    w.bias[i] += rate_i * up_i;
    w.bias[j] += rate_j * up_j;
    if (adaptive) {
        const vec4 squares = four_sums(of_u, of_i, of_j, of_j);
        w.p_squares[u] += squares[0];
        w.q_squares[i] += squares[1] + up_i * up_i;
        w.q_squares[j] += squares[2] + up_j * up_j;
    }
}

// The sum of 1 / (1 + exp(s_i - s_j)): near half the pairs at first, 0 where all are in order.
double bpr(const Block& block, const Taken& taken, const Parameters& w, const Steps& s) {
    constexpr int64_t ahead = 8;  // pairs whose rows are fetched before they are needed
    int32_t drawn[ahead];
    const auto prepare = [&](int64_t t) {
        if (t >= block.n) return;
        const int64_t u = block.user[t];
        fetch(w.p + u * w.width, w.width);
        fetch(w.q + block.item[t] * w.width, w.width);
        int32_t j = -1;
        for (uint64_t attempt = 0; attempt < draws; ++attempt) {
            const int32_t candidate = block.draw(t, attempt);
            if (!taken.has(u, candidate)) {
                j = candidate;
                fetch(w.q + j * w.width, w.width);
                break;
            }
        }
        drawn[t % ahead] = j;
    };
    double loss = 0;
    for (int64_t t = 0; t < ahead; ++t) prepare(t);
    for (int64_t t = 0; t < block.n; ++t) {
        const int64_t u = block.user[t], i = block.item[t], j = drawn[t % ahead];
        prepare(t + ahead);
        if (j < 0) continue;
        const float z = 1 / (1 + std::exp(margin(w, w.p + u * w.width, i, j)));
        loss += static_cast<double>(z);
        raise(w, s, false, u, i, j, z);
    }
    return loss;
}

// The number of pairs for which a negative within the margin was found.
double warp(const Block& block, const Taken& taken, const Parameters& w, const Steps& s) {
    constexpr int64_t ahead = 4, early = 8;  // pairs, and negatives of each, whose rows are fetched before their turn
    uint64_t from[ahead];
    const auto prepare = [&](int64_t t) {
        if (t >= block.n) return;
        fetch(w.p + block.user[t] * w.width, w.width);
        fetch(w.q + block.item[t] * w.width, w.width);
        from[t % ahead] = block.place(t);
        for (int64_t k = 0; k < early && k < s.sampled; ++k)
            fetch(w.q + block.after(from[t % ahead], k) * w.width, w.width);
    };
    double loss = 0;
    for (int64_t t = 0; t < ahead; ++t) prepare(t);
    for (int64_t t = 0; t < block.n; ++t) {
        const int64_t u = block.user[t], i = block.item[t];
        const float* p = w.p + u * w.width;
        const float least = score(w, p, i) - 1;
        int64_t found = -1, tries = 0;
        for (int64_t first = 0; first < s.sampled && found < 0; first += 4) {
            int32_t four[4];
            EACH (k, 4) four[k] = block.after(from[t % ahead], first + k);
            const vec4 scores = four_scores(w, p, four);
            for (int64_t k = 0; k < 4 && first + k < s.sampled && found < 0; ++k)
                if (scores[k] > least && !taken.has(u, four[k])) {
                    found = four[k];
                    tries = first + k;
                }
        }
        prepare(t + ahead);
        if (found < 0) continue;
        loss += 1;
        raise(w, s, true, u, i, found, s.weight[tries]);
    }
    return loss;
}
