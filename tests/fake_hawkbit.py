"""A small hawkBit, made from descriptions of its device API (DDI): strict about what it is sent, and with the habits that aloft-server does not have."""
import hashlib
import http.server
import json
import ssl
import threading

EXECUTIONS = {"closed", "proceeding", "canceled", "scheduled", "rejected", "resumed", "download", "downloaded"}
OPEN = ("running", "canceling", "waiting")


class Action:
    """status: running, canceling, waiting (for confirmation), finished, error, canceled."""

    def __init__(self, files, kind="forced", status="running"):
        self.files, self.kind, self.status, self.window = files, kind, status, None
        self.feedbacks, self.refused, self.fetched = [], [], 0

    def handling(self):
        if self.window is False:
            return "forced", "skip"
        return {"forced": ("forced", "forced"), "soft": ("attempt", "attempt"), "downloadonly": ("forced", "skip"), "later": ("skip", "skip")}[self.kind]

    def closings(self):
        return [f for f in self.feedbacks if f["status"]["execution"] == "closed"]

    def executions(self):
        """Without repetitions."""
        seen = []
        for feedback in self.feedbacks:
            if not seen or seen[-1] != feedback["status"]["execution"]:
                seen.append(feedback["status"]["execution"])
        return seen

    def words(self):
        return " | ".join(line for feedback in self.feedbacks for line in feedback["status"].get("details", []))


class Answer(Exception):
    def __init__(self, status, body=None, headers=()):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers)


class Hawkbit:
    def __init__(self, controller="dev-1", token="TargetToken secret-1", tenant="DEFAULT", client_ca=None, certificate=None):
        self.controller, self.token, self.tenant = controller, token, tenant
        self.lock = threading.RLock()
        self.store = {}                   # files, also of actions that are gone
        self.actions, self.attributes, self.attribute_modes, self.confirmations = {}, None, [], []
        self.sleep = "00:00:01"
        self.always_ask = False           # for attributes, whatever comes
        self.installed = None
        self.problems = []                # what a device must not do
        self.log = []                     # every request
        self.busy = []                    # statuses for the next requests, before anything else
        self.watch = lambda event, when: None  # hears "poll", "deployment", "artifact", "feedback:EXECUTION", before and after it counts
        self.numbers_as_numbers = False
        self.http_links_only = False
        self.elsewhere = None             # another site that downloads are redirected to
        handler = type("Handler", (Handler,), {"hawkbit": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if client_ca:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def assign(self, number, files, kind="forced", status="running"):
        """As hawkBit: what was assigned before is cancelled."""
        with self.lock:
            for action in self.actions.values():
                if action.status in ("running", "waiting"):
                    action.status = "canceling"
            self.actions[str(number)] = Action(files, kind, status)
            self.store |= files
            return self.actions[str(number)]

    # The rules
    def authenticate(self, request):
        if self.token and request.headers.get("Authorization") != self.token:
            raise Answer(401)

    def shown(self):
        """One thing at a time, the oldest cancellation first."""
        for status, relation in (("canceling", "cancelAction"), ("waiting", "confirmationBase"), ("running", "deploymentBase")):
            for number, action in self.actions.items():
                if action.status == status:
                    return relation, number, action
        return None, None, None

    def poll(self):
        # Where the server believes itself to be is not where the device reaches it.
        base = f"http://hawkbit.internal:8080/{self.tenant}/controller/v1/{self.controller}"
        links = {}
        relation, number, action = self.shown()
        if relation == "deploymentBase":
            download, update = action.handling()
            links[relation] = {"href": f"{base}/{relation}/{number}?c={hash((download, update)) % (1 << 31) - (1 << 30)}"}
        elif relation:
            links[relation] = {"href": f"{base}/{relation}/{number}"}
        if self.attributes is None or self.always_ask:
            links["configData"] = {"href": base + "/configData"}
        if self.installed:
            links["installedBase"] = {"href": f"{base}/installedBase/{self.installed}"}
        return {"config": {"polling": {"sleep": self.sleep}}, "_links": links}

    def describe(self, number, action, member="deployment"):
        download, update = action.handling()
        artifacts = []
        for name, data in action.files.items():
            href = f"{self.url}/{self.tenant}/controller/v1/{self.controller}/softwaremodules/7/artifacts/{name}"
            links = {"download-http": {"href": href}, "md5sum-http": {"href": href + ".MD5SUM"}}
            if not self.http_links_only:
                links |= {"download": {"href": href}, "md5sum": {"href": href + ".MD5SUM"}}
            artifacts.append({"filename": name, "hashes": {"sha1": hashlib.sha1(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(),
                                                           "sha256": hashlib.sha256(data).hexdigest()}, "size": len(data), "_links": links})
        body = {"download": download, "update": update, "chunks": [{"part": "os", "version": "2.0", "name": "firmware", "artifacts": artifacts}]}
        if action.window is not None:
            body["maintenanceWindow"] = "available" if action.window else "unavailable"
        return {"id": int(number) if self.numbers_as_numbers else number, member: body}

    def find(self, number, *statuses):
        action = self.actions.get(number)
        if not action or action.status not in statuses:
            raise Answer(404, {"exceptionClass": "E", "errorCode": "hawkbit.server.error.repo.entitiyNotFound", "message": f"Action {number} does not exist."})
        return action

    def take_feedback(self, channel, number, body):
        action = self.actions.get(number)
        if not action or action.status == "waiting":
            raise Answer(404)
        if action.status not in OPEN:
            action.refused.append(body)
            raise Answer(410)
        status = body["status"]
        execution, finished = status["execution"], status["result"]["finished"]
        if execution not in EXECUTIONS or finished not in ("none", "success", "failure"):
            raise Answer(400)
        if len(status.get("details", [])) > 50 or any(len(line) > 512 or "<" in line for line in status.get("details", [])):
            raise Answer(400)
        if len(action.feedbacks) >= 60:
            raise Answer(429)
        if channel == "cancelAction":
            if action.status != "canceling":
                raise Answer(405)
            if execution == "closed":
                action.status = "canceled" if finished != "failure" else "error"
            elif execution == "rejected":
                action.status = "running"
        elif execution == "closed":
            action.status = "error" if finished == "failure" else "finished"
            if action.status == "finished":
                self.installed = number
        elif execution == "downloaded" and action.kind == "downloadonly":
            action.status = "finished"
        action.feedbacks.append({**body, "channel": channel})

    def take_config(self, body):
        data = body["data"]
        if len(data) > 100 or any(len(k) > 128 or len(v) > 128 for k, v in data.items()):
            raise Answer(429)
        mode = body.get("mode", "merge")
        self.attribute_modes.append(mode)
        self.attributes = data if mode == "replace" else {**(self.attributes or {}), **data}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hawkbit = None

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/hal+json;charset=utf-8", **(headers or {})}
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def handle_one(self):
        hawkbit = self.hawkbit
        hawkbit.log.append((self.command, self.path))
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length) if length else b""
        try:
            with hawkbit.lock:
                if hawkbit.busy and not (hawkbit.busy[0] == 409 and self.command == "GET"):  # two changes at once
                    status = hawkbit.busy.pop(0)
                    raise Answer(status, headers={"Retry-After": "1"} if status in (429, 503) else {})
            hawkbit.authenticate(self)
            prefix = f"/{hawkbit.tenant}/controller/v1/{hawkbit.controller}"
            if self.path != prefix and not self.path.startswith(prefix + "/"):
                raise Answer(404)
            path, _, query = self.path[len(prefix):].partition("?")
            if self.command != "GET" and self.headers.get("Content-Type") != "application/json":
                raise Answer(415)
            self.route(path, query, json.loads(text) if text else None)
        except Answer as answer:
            self.reply(answer.status, answer.body if answer.body is not None else b"", answer.headers)
        except (IndexError, KeyError, TypeError, ValueError) as problem:
            hawkbit.problems.append(f"{self.command} {self.path}: {problem!r}: {text[:300]}")
            self.reply(400)

    do_GET = do_POST = do_PUT = do_HEAD = handle_one

    def route(self, path, query, body):
        hawkbit = self.hawkbit
        parts = path.strip("/").split("/") if path else []
        if self.command == "GET" and not parts:
            hawkbit.watch("poll", "before")
            with hawkbit.lock:
                answer = json.dumps(hawkbit.poll()).encode()
            tag = '"' + hashlib.md5(answer).hexdigest() + '"'
            if self.headers.get("If-None-Match") == tag:
                return self.reply(304, headers={"ETag": tag})
            self.reply(200, answer, {"ETag": tag, "Content-Type": "application/hal+json"})
            return hawkbit.watch("poll", "after")
        if self.command == "GET" and parts[0] in ("deploymentBase", "confirmationBase", "cancelAction") and len(parts) == 2:
            with hawkbit.lock:
                action = hawkbit.find(parts[1], {"deploymentBase": "running", "confirmationBase": "waiting", "cancelAction": "canceling"}[parts[0]])
                if parts[0] == "deploymentBase" and not query.startswith("c="):
                    hawkbit.problems.append("the link was not followed as it is: " + self.path)
                if parts[0] == "cancelAction":
                    return self.reply(200, {"id": parts[1], "cancelAction": {"stopId": parts[1]}})
                answer = hawkbit.describe(parts[1], action, "confirmation" if parts[0] == "confirmationBase" else "deployment")
            self.reply(200, answer)
            return hawkbit.watch("deployment", "after")
        if self.command == "POST" and len(parts) == 3 and parts[2] == "feedback":
            return self.feedback(parts[0], parts[1], body)
        if self.command == "PUT" and parts == ["configData"]:
            with hawkbit.lock:
                hawkbit.take_config(body)
            return self.reply(200)
        if self.command == "GET" and parts[:1] == ["softwaremodules"] and parts[2] == "artifacts" and len(parts) == 4:
            return self.artifact(parts[3])
        raise Answer(404)

    def feedback(self, channel, number, body):
        hawkbit = self.hawkbit
        if channel == "confirmationBase":
            with hawkbit.lock:
                action = hawkbit.find(number, "waiting")
                hawkbit.confirmations.append(body)
                if body["confirmation"] == "confirmed":
                    action.status = "running"
            return self.reply(200)
        event = "feedback:" + body["status"]["execution"]
        hawkbit.watch(event, "before")
        with hawkbit.lock:
            hawkbit.take_feedback(channel, number, body)
        hawkbit.watch(event, "after")
        return self.reply(200)

    def artifact(self, name):
        hawkbit = self.hawkbit
        with hawkbit.lock:
            if name not in hawkbit.store:
                raise Answer(404)
            data = hawkbit.store[name]
            found = [a for a in hawkbit.actions.values() if name in a.files] or [Action({})]
        if hawkbit.elsewhere:
            raise Answer(302, headers={"Location": hawkbit.elsewhere + "/" + name})
        hawkbit.watch("artifact", "before")
        tag = '"' + hashlib.sha1(data).hexdigest() + '"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        wanted = self.headers.get("Range")
        if not wanted or self.headers.get("If-Range", tag) != tag:
            return self.reply(200, data, headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        first, last = int(first), int(last) if last else len(data) - 1
        if first >= len(data):
            raise Answer(416, headers={"Content-Range": f"bytes */{len(data)}"})
        piece = data[first:last + 1]
        found[-1].fetched += len(piece)
        return self.reply(206, piece, {**headers, "Content-Range": f"bytes {first}-{first + len(piece) - 1}/{len(data)}"})
