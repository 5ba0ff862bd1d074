// The blocks of an epoch of stochastic gradient descent (Gemulla et al., DSGD, KDD 2011), side by side where they share
// neither users nor items, so that the result does not depend on the number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "parallel.hpp"

namespace serendip {

// Call body(g, h) once for each user group g and item group h, both in [0, side). Stratum s holds the blocks with
// h = (g + shift[s]) % side; a block begins when those of the stratum before that share g or h with it have ended.
//
// No barrier: whoever is free takes a block that may begin, preferably of the user groups that the thread had before,
// whose rows are in its cache. `body` does not throw.
template <class Body>
void for_strata(std::int64_t side, const std::int64_t* shift, int threads, const Body& body) {
    std::mutex lock;
    std::condition_variable ended;
    std::vector<std::int64_t> done(static_cast<std::size_t>(side), 0);  // strata done of each user group
    std::vector<char> busy(static_cast<std::size_t>(side), 0);

    const auto ready = [&](std::int64_t g) {
        const std::int64_t s = done[g];
        if (busy[g] || s == side) return false;
        return s == 0 || done[(((g + shift[s] - shift[s - 1]) % side) + side) % side] >= s;  // who had h before
    };
    parallel_for(side * side, 1, threads, [&](std::int64_t begin, std::int64_t end, int thread) {
        const std::int64_t home = side * thread / threads;
        for (; begin < end; ++begin) {  // some block, not this one
            std::int64_t g = home;
            std::unique_lock hold(lock);
            ended.wait(hold, [&] {
                for (std::int64_t k = 0; k < side; ++k)
                    if (ready(g = (home + k) % side)) return true;
                return false;
            });
            const std::int64_t h = (g + shift[done[g]]) % side;
            busy[g] = 1;
            hold.unlock();
            body(g, h);
            hold.lock();
            busy[g] = 0;
            ++done[g];
            hold.unlock();
            ended.notify_all();
        }
    });
}

}  // namespace serendip
