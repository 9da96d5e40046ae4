// Starts e2e/stage.py and talks to it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export class Stage {
  static async open() {
    const stage = new Stage();
    const script = fileURLToPath(new URL("stage.py", import.meta.url));
    stage.process = spawn("/usr/bin/python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
    stage.lines = createInterface({ input: stage.process.stdout })[Symbol.asyncIterator]();
    Object.assign(stage, await stage.#read());
    return stage;
  }

  async #read() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error("the stage has ended; see its words above");
    return JSON.parse(value);
  }

  // One command after the other: do("device", { name: "cam-01" }).
  async do(what, parameters = {}) {
    this.process.stdin.write(JSON.stringify({ do: what, ...parameters }) + "\n");
    const answer = await this.#read();
    if (answer.error) throw new Error(`stage: ${what} ${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.ok;
  }

  api(method, path, body) {
    return this.do("api", { method, path: `/api/v1${path}`, body });
  }

  async deploy(release, ...devices) {
    const { deployments } = await this.api("POST", "/deployments", { release, devices });
    return deployments.map(({ id }) => id);
  }

  // A device's whole good update, as aloftd reports it.
  async commit(name, deployment, version) {
    await this.do("poll", { name });
    for (const state of ["accepted", "downloading"]) await this.do("report", { name, deployment, state });
    await this.do("report", { name, deployment, state: "installing", progress_permille: 400 });
    for (const state of ["verified", "armed", "rebooting", "on-trial"]) await this.do("report", { name, deployment, state });
    await this.do("report", { name, deployment, state: "committed", version });
  }

  close() {
    if (this.process.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.process.once("exit", resolve);
      this.process.stdin.end();
    });
  }
}
