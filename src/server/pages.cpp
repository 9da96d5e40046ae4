#include "server/pages.hpp"

#include "base/errors.hpp"

namespace aloft::server {
namespace {

using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'none'";

constexpr std::string_view kHome = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Aloft server</title><link rel="stylesheet" href="/assets/page.css"></head><body><main>
<h1>Aloft server</h1>
<p>This server updates devices over the air. It is run with the <code>aloft</code> program or through its API.</p>
<h2>First start</h2>
<p>The server printed a one-time link when it was started. Open it, or use the token behind the <code>#</code>:</p>
<pre>aloft login https://this-server:8443 --setup TOKEN</pre>
<h2>From then on</h2>
<pre>aloft login https://this-server:8443
aloft release upload system-2.aloft
aloft device list
aloft deploy --release 1 --device device-name --watch</pre>
<p><code>aloft --help</code> tells more. The API is described by <code>docs/openapi.yaml</code> of the sources; it begins at
<code>/api/v1/</code>. For monitoring there are <a href="/healthz">/healthz</a> and <a href="/metrics">/metrics</a>.</p>
</main></body></html>
)html";

constexpr std::string_view kSetup = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Set up Aloft server</title><link rel="stylesheet" href="/assets/page.css"><script defer src="/assets/setup.js"></script></head><body><main>
<h1>Set up this server</h1>
<p>Choose the first administrator. This page works once, with the link that the server printed when it was started.</p>
<form id="form">
<label>User<input id="user" autocomplete="username" required maxlength="64" value="admin"></label>
<label>Password (at least 10 characters)<input id="password" type="password" autocomplete="new-password" required minlength="10"></label>
<label>Password again<input id="again" type="password" autocomplete="new-password" required minlength="10"></label>
<button>Set up</button>
</form>
<p id="message" role="status"></p>
</main></body></html>
)html";

constexpr std::string_view kScript = R"js("use strict";
const form = document.getElementById("form");
const message = document.getElementById("message");
const value = (id) => document.getElementById(id).value;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (value("password") !== value("again")) {
    message.textContent = "The two passwords differ.";
    return;
  }
  message.textContent = "Working…";
  try {
    const answer = await fetch("/api/v1/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: location.hash.slice(1), user: value("user"), password: value("password") }),
    });
    const body = await answer.json();
    if (!answer.ok) {
      message.textContent = `E${body.error.number}: ${body.error.message}`;
      return;
    }
    form.hidden = true;
    history.replaceState(null, "", "/setup");
    message.textContent = `Done. Now log in from a shell: aloft login ${location.origin} --user ${body.user}`;
  } catch (error) {
    message.textContent = `The server did not answer: ${error}`;
  }
});
)js";

constexpr std::string_view kStyle = R"css(body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#f6f7f9}
main{max-width:42rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d8dce2;border-radius:8px}
h1{margin-top:0;font-size:1.6rem}h2{font-size:1.1rem}
pre{background:#f0f2f5;padding:.8rem;border-radius:6px;overflow-x:auto}
label{display:block;margin:.8rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}
button{font:inherit;padding:.5rem 1.2rem}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}main{background:#1d2125;border-color:#343a41}pre{background:#14171a}a{color:#8ab4f8}}
)css";

Response page(std::string_view type, std::string_view content) {
  Response response{.headers = {{"Content-Type", std::string(type)},
                                {"Content-Security-Policy", std::string(kPolicy)},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cache-Control", "no-cache"}}};
  response.body = std::string(content);
  return response;
}

httpd::Awaitable<Result<Response>> asset(Request& request) {
  const std::string& file = request.parameters.at("file");
  if (file == "page.css") co_return page("text/css; charset=utf-8", kStyle);
  if (file == "setup.js") co_return page("text/javascript; charset=utf-8", kScript);
  co_return fail(kNotFound, "there is no such file");
}

httpd::Awaitable<Result<Response>> home(Request&) { co_return page("text/html; charset=utf-8", kHome); }
httpd::Awaitable<Result<Response>> setup(Request&) { co_return page("text/html; charset=utf-8", kSetup); }

}  // namespace

void add_pages(httpd::Router& router) {
  router.add({Method::get, "/", home});
  router.add({Method::get, "/setup", setup});
  router.add({Method::get, "/assets/{file}", asset});
}

}  // namespace aloft::server
