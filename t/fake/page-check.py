#!/usr/bin/python3
"""Reads a page as XML and as HTML, and says what it should not have: page-check.py PAGE [TEXT...]: TEXTs must be found as text."""
import sys
import xml.etree.ElementTree
from html.parser import HTMLParser

TAGS = set("html head meta title style body main header footer section p b small span bdi code h1 h2 h3 div dl dt dd table thead tbody tfoot tr th td ul li "
           "details summary svg desc path rect".split())
ATTRIBUTES = set("lang charset http-equiv content name class id role scope style aria-labelledby aria-hidden data-l viewbox preserveaspectratio d x y width height".split())
VOID = {"meta"}
text = open(sys.argv[1], encoding="utf-8").read()


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.refs, self.text, self.csp = [], [], [], [], None

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS: print("a tag that has no business here:", tag)
        for k, v in attrs:
            if k not in ATTRIBUTES: print("an attribute that has no business here:", tag, k)
            if "http" in v.lower() or "javascript" in v.lower() or "url(" in v.lower() or "data:" in v.lower(): print("an address:", tag, k, v)
            if k == "style" and not (v.startswith("left:") and set(v[5:]) <= set("0123456789.%")): print("a style:", v)
            if k == "id": self.ids.append(v)
            if k == "aria-labelledby": self.refs += v.split()
        if ("http-equiv", "Content-Security-Policy") in attrs: self.csp = dict(attrs)["content"]
        if tag not in VOID: self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID: self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag: print("ends without beginning:", tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style" and ("url" in data or "@import" in data or "<" in data): print("a style that loads")
        self.text.append(data)

    def handle_comment(self, data): print("a comment:", data[:40])

    def handle_pi(self, data): print("an instruction:", data[:40])


try:
    xml.etree.ElementTree.fromstring(text)
except xml.etree.ElementTree.ParseError as e:
    print("not well-formed:", e)
page = Page()
page.feed(text)
page.close()
if page.open: print("never ends:", page.open)
if len(set(page.ids)) != len(page.ids): print("an id stands twice:", [i for i in page.ids if page.ids.count(i) > 1][0])
for r in page.refs:
    if r not in page.ids: print("no such id:", r)
if page.csp != "default-src 'none'; style-src 'unsafe-inline'": print("its policy is", page.csp)
for c in text:
    n = ord(c)
    if (n < 32 and c != "\n") or 127 <= n < 160 or n in (0x61c, 0xfeff, 0xad) or 0x200b <= n <= 0x200f or 0x2028 <= n <= 0x202e or 0x2060 <= n <= 0x206f: print("an unseen character: U+%04X" % n)
for want in sys.argv[2:]:
    if want not in "".join(page.text): print("no such text:", want)
