// Many devices on kept lines, all in one thread: connects them, lets them poll, report and wait, and counts what comes back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "line.hpp"

namespace aloft::load {

struct Member {
  std::string token;
  std::uint64_t deployment = 0;  // what it reports of; 0: nothing
};

// What a while of asking came to.
struct Tally {
  double seconds = 0;
  std::map<unsigned, std::uint64_t> statuses;
  std::uint64_t lost = 0;  // connections
  std::vector<std::uint32_t> delays_us;

  std::string json() const;
};

class Crowd {
 public:
  // tls may be null; it outlives the crowd.
  Crowd(std::uint16_t port, SSL_CTX* tls, std::vector<Member> members);
  ~Crowd();

  // Opens the lines that are closed, `at_once` of them at a time, and polls once on each. Who is refused, or told to wait, comes again.
  // Gives up after `limit`.
  Tally connect(std::size_t at_once, Clock::duration limit);
  void drop();
  // Polls that find nothing new, over all lines: without a pause, or so many a second; ends early when another command waits.
  Tally poll(Clock::duration during, double per_second);
  // Those that have a deployment report progress, one report a request: without a pause, or so many a second; ends early as poll() does.
  Tally report(Clock::duration during, double per_second);
  // Everybody begins a poll that the server holds.
  void hold();
  // Waits until so many held polls were answered with a deployment. When each was, as the steady clock's seconds, in order.
  std::vector<double> heard(std::size_t count, Clock::duration limit);
  std::size_t open_lines() const;

 private:
  struct Device {
    Device(Member who, std::uint16_t port, SSL_CTX* tls) : member(std::move(who)), line(port, tls) {}
    Member member;
    Line line;
    std::string tag;
    std::uint64_t sequence = 0;
    std::uint32_t failures = 0;
    bool coming = false;  // it connects, or waits for its first answer
  };
  using OnNews = std::function<void(Device&, Line::News)>;
  // Sends the device's request; on_news hears of the answer.
  using Ask = std::function<void(Device&, const OnNews&)>;
  // Each of the devices asks again and again: as fast as it is answered, or all together so many times a second; ends early when another
  // command waits.
  Tally keep_asking(Clock::duration during, double per_second, const std::vector<Device*>& devices, const Ask& ask);
  // Handles what is ready, waiting for it at most so long.
  void step(Clock::duration most, const OnNews& on_news);
  bool begin(Device& device);
  void ask_poll(Device& device, unsigned wait_s, const OnNews& on_news);
  void ask_report(Device& device, const OnNews& on_news);
  Clock::duration pause_of(Device& device);
  std::vector<Device*> idle_devices();
  static void count(Tally& tally, Device& device);

  int epoll_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::mt19937_64 chance_{1};
};

}  // namespace aloft::load
