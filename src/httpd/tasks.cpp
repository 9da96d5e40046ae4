#include "httpd/tasks.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "base/log.hpp"

namespace aloft::httpd {

void Tasks::begin(Awaitable<void> task) {
  ++running_;
  boost::asio::co_spawn(loop_, std::move(task), [this](const std::exception_ptr& failure) {
    --running_;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
      log::error(std::string("a task of the server failed: ") + exception.what());
    }
  });
}

}  // namespace aloft::httpd
