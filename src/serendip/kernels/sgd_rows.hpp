// The arithmetic of sgd.cpp, compiled once an instruction set (each_isa.hpp). Rows are whole vectors wide.

// Visit n ratings of one user, t on, together: their errors are taken before any of their steps, so that their sums do
// not wait for each other and the user's row is read and written once. The sum of the squared errors. n is a constant
// where this is called, so that loops over it unroll.
INLINE double visit(const int n, const Ratings& r, int64_t t, const Parameters& w, const Steps& s) {
    const int64_t width = w.width;
    float* p = w.p + r.user[t] * width;
    float* q[8];
    EACH (k, n) q[k] = w.q + r.item[t + k] * width;
    vec partial[8] = {};
    for (int64_t f = 0; f < width; f += lanes) {
        const vec a = load(p + f);
        EACH (k, n) partial[k] += a * load(q[k] + f);
    }
    const vec4 product[2] = {four_sums(partial[0], partial[1], partial[2], partial[3]),
                             four_sums(partial[4], partial[5], partial[6], partial[7])};

    float& user_bias = w.user_bias[r.user[t]];
    const float level = w.mean + user_bias;
    float step[8], steps = 0;
    double loss = 0;
    EACH (k, n) {
        const float error = r.value[t + k] - (level + w.item_bias[r.item[t + k]] + product[k / 4][k % 4]);
        loss += static_cast<double>(error) * error;
        step[k] = s.learning_rate * error;
        steps += step[k];
    }
    EACH (k, n) {
        float& item_bias = w.item_bias[r.item[t + k]];  // an item may be there twice
        item_bias += step[k] - s.learning_rate * s.l2_bias * item_bias;
    }
    user_bias += steps - static_cast<float>(n) * s.learning_rate * s.l2_bias * user_bias;

    const float keep_item = 1 - s.learning_rate * s.l2, keep_user = 1 - static_cast<float>(n) * s.learning_rate * s.l2;
    for (int64_t f = 0; f < width; f += lanes) {
        const vec a = load(p + f);
        vec next = keep_user * a;
        EACH (k, n) {
            const vec b = load(q[k] + f);
            next += step[k] * b;
            store(q[k] + f, keep_item * b + step[k] * a);
        }
        store(p + f, next);
    }
    return loss;
}

// Visit the ratings [begin, end), up to eight at once that follow each other and are of one user; the sum of the
// squared errors.
double descend(const Ratings& r, int64_t begin, int64_t end, const Parameters& w, const Steps& s) {
    double loss = 0;
    for (int64_t t = begin, n; t < end; t += n) {
        for (n = 1; n < 8 && t + n < end && r.user[t + n] == r.user[t];) ++n;
        switch (n) {
            case 8: loss += visit(8, r, t, w, s); break;
            case 7: loss += visit(7, r, t, w, s); break;
            case 6: loss += visit(6, r, t, w, s); break;
            case 5: loss += visit(5, r, t, w, s); break;
            case 4: loss += visit(4, r, t, w, s); break;
            case 3: loss += visit(3, r, t, w, s); break;
            case 2: loss += visit(2, r, t, w, s); break;
            default: loss += visit(1, r, t, w, s);
        }
    }
    return loss;
}
