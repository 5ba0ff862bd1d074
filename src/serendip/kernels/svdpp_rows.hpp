// The arithmetic of svdpp.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole vectors wide.

// Visit all ratings of user u; the sum of their squared errors. `scratch` (2 rank,).
double svdpp_learn(const ItemRows& implied, const ItemRows& rated, const float* value, const Implied& w,
                   const ImpliedSteps& s, int64_t u, float* scratch) {
    const int64_t rank = w.rank, begin = rated.begin[u], end = rated.begin[u + 1];
    if (begin == end) return 0;
    const int32_t* own = implied.item + implied.begin[u];
    const int64_t m = implied.begin[u + 1] - implied.begin[u];
    const float norm = m > 0 ? 1 / std::sqrt(static_cast<float>(m)) : 0;
    float *z = scratch, *grown = scratch + rank, *p = w.p + u * rank;
    for (int64_t f = 0; f < rank; f += lanes) {
        vec all = {};
        for (int64_t t = 0; t < m; ++t) all += load(w.y + own[t] * rank + f);
        store(z + f, norm * all);
        store(grown + f, vec{});
    }

    const float keep = 1 - s.learning_rate * s.l2, keep_implied = 1 - s.learning_rate * s.l2_implied;
    float decay = 1;
    double loss = 0;
    for (int64_t t = begin; t < end; ++t) {
        const int64_t i = rated.item[t];
        float* q = w.q + i * rank;
        vec product = {};
        for (int64_t f = 0; f < rank; f += lanes) product += (load(p + f) + load(z + f)) * load(q + f);

        const float error = value[t] - (w.mean + w.user_bias[u] + w.item_bias[i] + sum(product));
        loss += static_cast<double>(error) * error;
        w.user_bias[u] += s.learning_rate * (error - s.l2_bias * w.user_bias[u]);
        w.item_bias[i] += s.learning_rate * (error - s.l2_bias * w.item_bias[i]);
        const float step = s.learning_rate * error;
        const float implied_step = m > 0 ? step : 0;  // m items, each grown by norm * step * q: norm * m * norm = 1
        for (int64_t f = 0; f < rank; f += lanes) {
            const vec old = load(q + f), mine = load(p + f), theirs = load(z + f);
            store(q + f, keep * old + step * (mine + theirs));
            store(p + f, keep * mine + step * old);
            store(z + f, keep_implied * theirs + implied_step * old);
            store(grown + f, keep_implied * load(grown + f) + norm * step * old);
        }
        decay *= keep_implied;
    }
    for (int64_t t = 0; t < m; ++t) {
        float* y = w.y + own[t] * rank;
        for (int64_t f = 0; f < rank; f += lanes) store(y + f, decay * load(y + f) + load(grown + f));
    }
    return loss;
}
