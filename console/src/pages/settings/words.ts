// What a program says it is in its User-Agent. Each browser also names those that it wants to be taken for, so the first that fits counts.
const browsers: [mark: RegExp, name: string][] = [
  [/\b(?:Edg|EdgA|EdgiOS)\/(\d+)/, "Edge"],
  [/\bOPR\/(\d+)/, "Opera"],
  [/\bVivaldi\/(\d+)/, "Vivaldi"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\b(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//, "Safari"],
];
const systems: [mark: RegExp, name: string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux|X11/, "Linux"],
];

// "Firefox 132 on Linux"; of programs that are no browser, what they call themselves.
export function clientText(client = ""): string {
  if (client === "") return "Unknown";
  for (const [mark, name] of browsers) {
    const version = mark.exec(client)?.[1];
    if (version === undefined) continue;
    const system = systems.find(([sign]) => sign.test(client))?.[1];
    return `${name} ${version}${system ? ` on ${system}` : ""}`;
  }
  return client.split(" ")[0]!.slice(0, 40);
}
