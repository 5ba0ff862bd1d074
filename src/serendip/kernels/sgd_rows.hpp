// The arithmetic of sgd.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole vectors wide.

// Visit the ratings [begin, end); the sum of the squared errors, each taken before its own update. `end` is the last of
// all that there are to fetch ahead of.
double descend(const Ratings& r, int64_t begin, int64_t end, const Parameters& w, const Steps& s) {
    constexpr int64_t ahead = 8;  // ratings whose rows are fetched before they are needed
    constexpr int64_t line = 16;  // floats in a cache line
    const int64_t width = w.width;
    const float keep = 1 - s.learning_rate * s.l2;
    double loss = 0;
    for (int64_t t = begin; t < end; ++t) {
        float* p = w.p + r.user[t] * width;
        float* q = w.q + r.item[t] * width;
        if (t + ahead < end) {
            const float* next = w.q + r.item[t + ahead] * width;
            for (int64_t f = 0; f < width; f += line) __builtin_prefetch(next + f, 1);
        }
        vec partial[4] = {};  // sums that do not wait for each other
        int64_t f = 0;
        for (; f + 4 * lanes <= width; f += 4 * lanes)
            EACH (c, 4) partial[c] += load(p + f + c * lanes) * load(q + f + c * lanes);
        for (; f < width; f += lanes) partial[0] += load(p + f) * load(q + f);
        const float product = sum((partial[0] + partial[1]) + (partial[2] + partial[3]));

        float &user_bias = w.user_bias[r.user[t]], &item_bias = w.item_bias[r.item[t]];
        const float error = r.value[t] - (w.mean + user_bias + item_bias + product);
        loss += static_cast<double>(error) * error;
        user_bias += s.learning_rate * (error - s.l2_bias * user_bias);
        item_bias += s.learning_rate * (error - s.l2_bias * item_bias);
        const float step = s.learning_rate * error;
        for (f = 0; f < width; f += lanes) {
            const vec a = load(p + f), b = load(q + f);
            store(p + f, keep * a + step * b);
            store(q + f, keep * b + step * a);
        }
    }
    return loss;
}
