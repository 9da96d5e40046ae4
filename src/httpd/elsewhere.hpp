// Crossing threads: results that arrive from other threads, and work that must not block the loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>

#include "httpd/bell.hpp"
#include "httpd/workers.hpp"

namespace aloft::httpd {

template <typename T>
using Deliver = std::function<void(T)>;

// Calls `start` with a function that must be called exactly once, from any thread; the coroutine goes on, in its own executor, with
// what was handed to it.
template <typename T, typename Start>
Awaitable<T> delivered(Start start) {
  auto initiate = [&start](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(*shared);
    start([shared, executor, work = boost::asio::make_work_guard(executor)](T value) {
      auto held = std::make_shared<T>(std::move(value));
      boost::asio::post(executor, [shared, held] { (*shared)(std::move(*held)); });
    });
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(T)>(initiate, boost::asio::use_awaitable);
}

// Runs `work` in the pool; the coroutine goes on in its own executor with the result.
template <typename Work>
Awaitable<std::invoke_result_t<Work&>> offloaded(boost::asio::thread_pool& pool, Work work) {
  using T = std::invoke_result_t<Work&>;
  auto start = [&pool, &work](auto deliver) { boost::asio::post(pool, [deliver, &work] { deliver(work()); }); };
  co_return co_await delivered<T>(start);
}
template <typename Work>
Awaitable<std::invoke_result_t<Work&>> offloaded(Workers& workers, Work work) {
  co_return co_await offloaded(workers.pool(), std::move(work));
}

}  // namespace aloft::httpd

// In a coroutine: the value of a Result, or its error as the coroutine's result. The expression must not contain co_await.
#define CO_TRY(expr) ALOFT_CO_TRY_NAMED(expr, __COUNTER__)
#define ALOFT_CO_TRY_NAMED(expr, unique) ALOFT_CO_TRY_EXPANDED(expr, unique)
#define ALOFT_CO_TRY_EXPANDED(expr, unique)                                                          \
  __extension__({                                                                                    \
    auto&& aloft_co_try_##unique = (expr);                                                           \
    if (!aloft_co_try_##unique) co_return std::unexpected(std::move(aloft_co_try_##unique).error()); \
    *std::move(aloft_co_try_##unique);                                                               \
  })
