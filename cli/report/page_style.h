// SPDX-License-Identifier: Apache-2.0
// How a page looks. Colours are told apart by who does not see red or green
// (after Okabe and Ito), and text has the contrast of WCAG 2.1, AA.
#pragma once

#include <string_view>

namespace cli::page {

inline constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#576474;--line:#dde2e9;--accent:#0b65b8;
--s0:#0b65b8;--s1:#d9730d;--s2:#0f8a6c;--s3:#a8437f;--s4:#8a6d00;--s5:#8592a3;--ok:#0b65b8;--fail:#c76a00;--kill:#b4232f;--track:#e9edf2}
@media (prefers-color-scheme:dark){:root{--bg:#11161d;--card:#1a212b;--ink:#e7ecf2;--soft:#a3b0bf;--line:#2d3743;--accent:#6cb4f5;
--s0:#5aa9f0;--s1:#f0a04b;--s2:#45c5a0;--s3:#e08abf;--s4:#d9bf4a;--s5:#77859a;--ok:#5aa9f0;--fail:#f0a04b;--kill:#f2747e;--track:#263040}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header,main,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 4px}
p{margin:0 0 12px;color:var(--soft)}
.warn{color:var(--kill);font-weight:600}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin:18px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:500;font-size:13px;color:var(--soft);text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.name{max-width:260px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
.wide{width:45%;min-width:180px}
.track{position:relative;display:block;height:14px;border-radius:4px;background:var(--track);overflow:hidden}
.bar{position:absolute;top:0;bottom:0;left:0;min-width:2px;border-radius:4px;background:var(--s0)}
.bar.low{background:var(--fail)}.bar.full{background:var(--kill)}
.bar.exit{background:color-mix(in srgb,var(--ok) 45%,var(--track))}.bar.exit i{background:var(--ok)}
.bar.fail{background:color-mix(in srgb,var(--fail) 45%,var(--track))}.bar.fail i{background:var(--fail)}
.bar.kill{background:color-mix(in srgb,var(--kill) 45%,var(--track))}.bar.kill i{background:var(--kill)}
.bar i{position:absolute;left:0;top:0;bottom:0}
.lanes .track{background:none;border-left:1px solid var(--line);border-right:1px solid var(--line);border-radius:0}
.lanes td{padding-top:2px;padding-bottom:2px;border-bottom:0}
.lanes tr:nth-child(even) td{background:color-mix(in srgb,var(--track) 40%,transparent)}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin:16px 0 10px;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
svg{display:block;width:100%;min-width:560px;height:auto}
svg text{fill:var(--soft);font-size:12px;font-family:inherit}
svg .grid{stroke:var(--line)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:10px 20px;margin:12px 0}
dt{font-size:13px;color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.hint{border-left:3px solid var(--fail);padding:4px 12px;margin:10px 0;color:var(--ink)}
details{margin-top:10px}summary{cursor:pointer;color:var(--accent);font-size:13px}
footer{padding-bottom:40px;color:var(--soft);font-size:13px}
@media (max-width:640px){.wide{min-width:120px}section{padding:16px}.opt{display:none}}
@media print{body{background:#fff}section,.tile{break-inside:avoid}}
)css";

}  // namespace cli::page
