#include "crowd.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <queue>
#include <utility>

namespace aloft::load {
namespace {

constexpr std::size_t kEventsAtOnce = 512;

// Another command waits.
bool told_to_end() {
  pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) == 1;
}

double seconds_of(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::string Tally::json() const {
  std::vector<std::uint32_t> sorted = delays_us;
  std::ranges::sort(sorted);
  const auto at = [&sorted](double part) {
    return sorted.empty() ? 0.0 : sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))] / 1000.0;
  };
  std::string text = "{\"seconds\": " + std::to_string(seconds) + ", \"lost\": " + std::to_string(lost) + ", \"statuses\": {";
  std::string separator;
  for (const auto& [status, times] : statuses) {
    text += separator + "\"" + std::to_string(status) + "\": " + std::to_string(times);
    separator = ", ";
  }
  return text + "}, \"p50_ms\": " + std::to_string(at(0.5)) + ", \"p99_ms\": " + std::to_string(at(0.99)) +
         ", \"max_ms\": " + std::to_string(at(1.0)) + "}";
}

Crowd::Crowd(std::uint16_t port, SSL_CTX* tls, std::vector<Member> members) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (Member& member : members) devices_.push_back(std::make_unique<Device>(std::move(member), port, tls));
}

Crowd::~Crowd() { ::close(epoll_); }

void Crowd::drop() {
  for (const auto& device : devices_) device->line.close();
}

std::size_t Crowd::open_lines() const {
  return static_cast<std::size_t>(std::ranges::count_if(devices_, [](const auto& device) {
    return device->line.state() == Line::State::idle || device->line.state() == Line::State::asking;
  }));
}

void Crowd::step(Clock::duration most, const OnNews& on_news) {
  std::array<epoll_event, kEventsAtOnce> events{};
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(most, Clock::duration::zero())).count();
  const int ready = ::epoll_wait(epoll_, events.data(), kEventsAtOnce, static_cast<int>(wait_ms));
  for (int i = 0; i < ready; ++i) {
    Device& device = *static_cast<Device*>(events[static_cast<std::size_t>(i)].data.ptr);
    const Line::News news = device.line.advance();
    if (news == Line::News::lost) device.line.close();
    if (news != Line::News::nothing) on_news(device, news);
  }
}

bool Crowd::begin(Device& device) {
  const int fd = device.line.open();
  if (fd < 0) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &device;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Crowd::ask_poll(Device& device, unsigned wait_s, const OnNews& on_news) {
  std::string request = "GET /api/device/v1/assignment?wait=" + std::to_string(wait_s) +
                        " HTTP/1.1\r\nHost: updates.example.com:8443\r\nAccept: */*\r\nUser-Agent: aloftd/0.1.0\r\nAuthorization: Bearer " +
                        device.member.token + "\r\n";
  if (!device.tag.empty()) request += "If-None-Match: " + device.tag + "\r\n";
  if (device.line.ask(request + "\r\n")) return;
  device.line.close();
  on_news(device, Line::News::lost);
}

void Crowd::ask_report(Device& device, const OnNews& on_news) {
  ++device.sequence;
  const std::string body =
      "{\"reports\":[{\"deployment\":" + std::to_string(device.member.deployment) + ",\"sequence\":" + std::to_string(device.sequence) +
      ",\"time_ms\":1790000000000,\"state\":\"downloading\",\"progress_permille\":" + std::to_string(device.sequence % 1000) +
      "}],\"version\":\"1\"}";
  const std::string request =
      "POST /api/device/v1/reports HTTP/1.1\r\nHost: updates.example.com:8443\r\nUser-Agent: aloftd/0.1.0\r\nAuthorization: Bearer " +
      device.member.token + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  if (device.line.ask(request)) return;
  device.line.close();
  on_news(device, Line::News::lost);
}

void Crowd::count(Tally& tally, Device& device) {
  const Answer& answer = device.line.answer();
  ++tally.statuses[answer.status];
  tally.delays_us.push_back(
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - device.line.asked()).count()));
  if (!answer.tag.empty()) device.tag = answer.tag;
}

// As docs/device-protocol.md wants it of a device: 1 s, then 2, 4, ..., of that a random part between half and the whole.
Clock::duration Crowd::pause_of(Device& device) {
  const double whole = static_cast<double>(1U << std::min(device.failures++, 8U));
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(whole * std::uniform_real_distribution<double>(0.5, 1.0)(chance_)));
}

Tally Crowd::connect(std::size_t at_once, Clock::duration limit) {
  Tally tally;
  const Clock::time_point began = Clock::now();
  using Due = std::pair<Clock::time_point, Device*>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  std::size_t under_way = 0;
  std::size_t wanted = 0;
  for (const auto& device : devices_)
    if (device->line.state() == Line::State::closed) due.emplace(began, device.get());
  wanted = due.size();
  const OnNews on_news = [&](Device& device, Line::News news) {
    if (news == Line::News::opened) return ask_poll(device, 0, on_news);
    if (!std::exchange(device.coming, false)) return;  // had its answer, and made room for another
    --under_way;
    if (news == Line::News::answered) count(tally, device);
    const bool good = news == Line::News::answered && device.line.answer().status < 400;
    if (news == Line::News::lost) ++tally.lost;
    if (good) device.failures = 0;
    if (good) --wanted;
    if (good) return;
    device.line.close();
    due.emplace(Clock::now() + pause_of(device), &device);
  };
  while (wanted > 0 && Clock::now() < began + limit) {
    while (!due.empty() && under_way < at_once && due.top().first <= Clock::now()) {
      Device& device = *due.top().second;
      due.pop();
      ++under_way;
      device.coming = true;
      if (!begin(device)) on_news(device, Line::News::lost);
    }
    step(std::chrono::milliseconds(20), on_news);
  }
  tally.seconds = seconds_of(Clock::now() - began);
  return tally;
}

std::vector<Crowd::Device*> Crowd::idle_devices() {
  std::vector<Device*> idle;
  for (const auto& device : devices_)
    if (device->line.state() == Line::State::idle) idle.push_back(device.get());
  return idle;
}

Tally Crowd::poll(Clock::duration during, double per_second) {
  const Ask ask = [this](Device& device, const OnNews& on_news) { ask_poll(device, 0, on_news); };
  return keep_asking(during, per_second, idle_devices(), ask);
}

Tally Crowd::report(Clock::duration during, double per_second) {
  std::vector<Device*> those = idle_devices();
  std::erase_if(those, [](const Device* device) { return device->member.deployment == 0; });
  const Ask ask = [this](Device& device, const OnNews& on_news) { ask_report(device, on_news); };
  return keep_asking(during, per_second, those, ask);
}

Tally Crowd::keep_asking(Clock::duration during, double per_second, const std::vector<Device*>& devices, const Ask& ask) {
  Tally tally;
  const Clock::time_point began = Clock::now();
  Clock::time_point end = began + during;
  std::deque<Device*> idle(devices.begin(), devices.end());
  std::size_t under_way = 0;
  const OnNews on_news = [&](Device& device, Line::News news) {
    --under_way;
    if (news == Line::News::lost) ++tally.lost;
    if (news == Line::News::lost) return;
    count(tally, device);
    idle.push_back(&device);
  };
  std::uint64_t sent = 0;
  const auto may_send = [&](Clock::time_point now) {
    if (now >= end || idle.empty()) return false;
    return per_second <= 0 || static_cast<double>(sent) < seconds_of(now - began) * per_second;
  };
  while (Clock::now() < end || under_way > 0) {
    while (may_send(Clock::now())) {
      Device& device = *idle.front();
      idle.pop_front();
      ++sent;
      ++under_way;
      ask(device, on_news);
    }
    step(std::chrono::milliseconds(1), on_news);
    if (told_to_end()) end = std::min(end, Clock::now());
    if (Clock::now() > end + std::chrono::seconds(30)) break;
  }
  tally.lost += under_way;
  tally.seconds = seconds_of(Clock::now() - began);
  return tally;
}

void Crowd::hold() {
  const OnNews ignored = [](Device&, Line::News) {};
  for (Device* device : idle_devices()) ask_poll(*device, 300, ignored);
}

std::vector<double> Crowd::heard(std::size_t count, Clock::duration limit) {
  std::vector<double> times;
  const Clock::time_point end = Clock::now() + limit;
  const OnNews on_news = [&](Device& device, Line::News news) {
    if (news == Line::News::answered && device.line.answer().body.find("\"artifact_sha256\"") != std::string::npos)
      times.push_back(seconds_of(Clock::now().time_since_epoch()));
  };
  while (times.size() < count && Clock::now() < end) step(std::chrono::milliseconds(5), on_news);
  return times;
}

}  // namespace aloft::load
