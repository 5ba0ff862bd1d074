// The arithmetic of asvd.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole vectors wide.

// Step down the gradient of user u's squared errors; their sum, each taken before the step. `scratch` (3 rank,).
double asvd_learn(const Told& told, const Asymmetric& w, int64_t u, float rate, float l2, float* scratch) {
    const int64_t begin = told.begin[u], end = told.begin[u + 1], rank = w.rank;
    int64_t n_rated = 0;
    for (int64_t t = begin; t < end; ++t) n_rated += told.rated[t];
    if (n_rated == 0) return 0;
    const float root = 1 / std::sqrt(static_cast<float>(end - begin));
    const float scale = 1 / std::sqrt(static_cast<float>(n_rated));
    float *all = scratch, *pulled = scratch + rank, *others = scratch + 2 * rank;

    for (int64_t f = 0; f < rank; ++f) all[f] = pulled[f] = 0;  // all: what the history says, of every item
    for (int64_t t = begin; t < end; ++t) {
        const float *x = w.x + told.item[t] * rank, *z = w.z + told.item[t] * rank;
        const float tells = told.rated[t] ? scale * told.rest[t] : 0.0f;
        for (int64_t f = 0; f < rank; f += lanes)
            store(all + f, load(all + f) + tells * load(x + f) + root * load(z + f));
    }

    // The error of an item, of which the others tell: an item says nothing of itself.
    const auto error_of = [&](int64_t t, float tells) {
        const int64_t at = told.item[t] * rank;
        vec product = {};
        for (int64_t f = 0; f < rank; f += lanes) {
            const vec taste = load(all + f) - (tells * load(w.x + at + f) + root * load(w.z + at + f));
            store(others + f, taste);
            product += load(w.y + at + f) * taste;
        }
        return told.rest[t] - sum(product);
    };
    double loss = 0;
    for (int64_t t = begin; t < end; ++t) {
        if (!told.rated[t]) continue;
        const float error = error_of(t, scale * told.rest[t]);
        loss += static_cast<double>(error) * error;
        const float* y = w.y + told.item[t] * rank;
        for (int64_t f = 0; f < rank; f += lanes) store(pulled + f, load(pulled + f) + error * load(y + f));
    }

    const float keep = 1 - rate * l2;
    for (int64_t t = begin; t < end; ++t) {
        const int64_t at = told.item[t] * rank;
        if (!told.rated[t]) {
            for (int64_t f = 0; f < rank; f += lanes)
                store(w.z + at + f, keep * load(w.z + at + f) + rate * root * load(pulled + f));
            continue;
        }
        const float tells = scale * told.rest[t], error = error_of(t, tells);
        for (int64_t f = 0; f < rank; f += lanes) {
            const vec y = load(w.y + at + f), pull = load(pulled + f) - error * y;
            store(w.y + at + f, keep * y + rate * error * load(others + f));
            store(w.x + at + f, keep * load(w.x + at + f) + rate * tells * pull);
            store(w.z + at + f, keep * load(w.z + at + f) + rate * root * pull);
        }
    }
    return loss;
}
