#!/usr/bin/python3
"""Looks at a page in a headless Chromium, by its pipe: look.py CHROMIUM DIR PAGE...

For each page, at 400 and 1400 px, light and dark: a screenshot DIR/PAGE-WIDTH-SCHEME.png, and a line for each thing that is wrong: scrolling
sideways, text too faint for its ground (WCAG AA), texts that overlap the edge of the window, an empty page, what the console
says, a request for anything else. At the end a line `looked N`."""
import base64, json, os, subprocess, sys, tempfile

JUDGE = r"""
(() => {
  const faults = [], root = document.scrollingElement, wide = root.clientWidth;
  if (root.scrollWidth > window.innerWidth) faults.push('scrolls sideways: ' + root.scrollWidth + ' of ' + window.innerWidth);
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  let texts = 0, least = 99;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walker.nextNode());) {
    const e = n.parentElement, style = getComputedStyle(e);
    if (!n.data.trim() || e.namespaceURI.includes('svg') || style.visibility !== 'visible') continue;
    const range = document.createRange(); range.selectNodeContents(n);
    const box = range.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    texts++;
    const a = lum(parse(style.color)), b = lum(ground(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    least = Math.min(least, ratio);
    if (ratio < (large ? 3 : 4.5)) faults.push('too faint, ' + ratio.toFixed(2) + ': ' + n.data.trim().slice(0, 40));
    if (size < 11) faults.push('too small, ' + size + ': ' + n.data.trim().slice(0, 40));
    if ((box.right > wide + 1 || box.left < -1) && !e.closest('thead')) faults.push('beyond the edge: ' + n.data.trim().slice(0, 40));
  }
  if (texts < 20) faults.push('hardly any text: ' + texts);
  if (document.scripts.length) faults.push('has a script');
  if (document.querySelectorAll('a,img,iframe,object,embed,form,link,base').length) faults.push('has a link, an image or the like');
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  for (const e of document.querySelectorAll('svg[role=img]'))
    if (!(e.getAttribute('aria-labelledby') || '').split(' ').every(i => i && document.getElementById(i) && document.getElementById(i).textContent)) faults.push('a picture without words');
  for (const e of document.querySelectorAll('section')) if (e.getBoundingClientRect().height < 30) faults.push('an empty section: ' + e.id);
  return {faults, texts, least, ground: getComputedStyle(document.body).backgroundColor, height: Math.ceil(document.documentElement.getBoundingClientRect().height)};
})()"""


class Browser:
    def __init__(self, command, home):
        to_r, self.to_w = os.pipe()
        self.from_r, from_w = os.pipe()

        def place():
            os.dup2(to_r, 103), os.dup2(from_w, 104)
            os.dup2(103, 3), os.dup2(104, 4)

        self.process = subprocess.Popen([command, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                                         "--user-data-dir=" + home, "--remote-debugging-pipe", "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=place)
        os.close(to_r), os.close(from_w)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None

    def message(self):
        while b"\0" not in self.buffer:
            data = os.read(self.from_r, 1 << 20)
            if not data: sys.exit("look: the browser has gone")
            self.buffer += data
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session: request["sessionId"] = self.session
        os.write(self.to_w, json.dumps(request).encode() + b"\0")
        while True:
            m = self.message()
            if m.get("id") == self.number:
                if "error" in m: sys.exit("look: %s: %s" % (method, m["error"]))
                return m["result"]
            self.events.append(m)

    def wait(self, method):
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self.message())

    def end(self):
        os.close(self.to_w)
        self.process.kill()
        self.process.wait()


def console(events):
    for e in events:
        p = e.get("params", {})
        if e.get("method") == "Runtime.exceptionThrown": yield "exception: " + str(p["exceptionDetails"].get("text"))
        if e.get("method") == "Runtime.consoleAPICalled": yield "console: " + str(p["args"])
        if e.get("method") == "Log.entryAdded": yield "log: " + p["entry"]["text"]
        if e.get("method") == "Network.requestWillBeSent" and not p["request"]["url"].startswith("file://"): yield "asks for " + p["request"]["url"]
        if e.get("method") == "Page.javascriptDialogOpening": yield "a dialog: " + p["message"]


def look(b, page, width, scheme, picture):
    b.events = []
    b.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    b.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    b.ask("Page.navigate", url="file://" + os.path.abspath(page))
    b.wait("Page.loadEventFired")
    got = b.ask("Runtime.evaluate", expression=JUDGE, returnByValue=True)["result"]["value"]
    shot = b.ask("Page.captureScreenshot", captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": width, "height": min(got["height"], 12000), "scale": 1})
    with open(picture, "wb") as f: f.write(base64.b64decode(shot["data"]))
    dark = sum(map(int, got["ground"][4:-1].split(","))) < 384
    if dark != (scheme == "dark"): got["faults"].append("its ground is " + got["ground"])
    return got["faults"] + list(console(b.events))


command, out, pages = sys.argv[1], sys.argv[2], sys.argv[3:]
with tempfile.TemporaryDirectory() as home:
    b = Browser(command, home)
    target = b.ask("Target.createTarget", url="about:blank")["targetId"]
    b.session = b.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"): b.ask(domain + ".enable")
    looked = 0
    for page in pages:
        for width in (400, 1400):
            for scheme in ("light", "dark"):
                name = "%s-%d-%s" % (os.path.basename(page).rsplit(".", 1)[0], width, scheme)
                for fault in look(b, page, width, scheme, out + "/" + name + ".png"): print("%s: %s" % (name, fault))
                looked += 1
    b.end()
print("looked %d" % looked)
