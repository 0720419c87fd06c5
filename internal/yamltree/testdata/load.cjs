// SPDX-License-Identifier: Apache-2.0
//
// Reads documents as lines of JSON texts and writes for each what js-yaml makes
// of it: a line {"value": …} or {"error": …}. The argument is the directory of js-yaml.
'use strict'

const yaml = require(process.argv[2])
const lines = require('node:readline').createInterface({ input: process.stdin, crlfDelay: Infinity })

const quote = (s) => JSON.stringify(s.toWellFormed())
  .replace(/\\\\|\\b|\\f/g, (c) => ({ '\\b': '\\u0008', '\\f': '\\u000c' })[c] || c)
  .replace(/\u2028/g, '\\u2028').replace(/\u2029/g, '\\u2029')

let length = 0
function write (v, depth) {
  if (depth > 200 || length > (1 << 20)) return '"…"'
  if (v === null || v === undefined) return 'null'
  if (typeof v === 'boolean') return String(v)
  if (typeof v === 'number') return quote('number ' + String(Object.is(v, -0) ? 0 : v))
  if (typeof v === 'string') return quote('text ' + v)
  if (v instanceof Date) return '"date"'
  if (v instanceof Uint8Array) return quote('binary ' + String(v))
  let out
  if (Array.isArray(v)) {
    out = '[' + v.map((item) => write(item, depth + 1)).join(',') + ']'
  } else {
    const compare = (a, b) => Buffer.compare(Buffer.from(a.toWellFormed()), Buffer.from(b.toWellFormed()))
    out = '{' + Object.keys(v).sort(compare).map((k) => quote(k) + ':' + write(v[k], depth + 1)).join(',') + '}'
  }
  length += out.length
  return out
}

lines.on('line', (line) => {
  let answer
  length = 0
  try {
    answer = { value: write(yaml.load(JSON.parse(line)), 0) }
  } catch (err) {
    answer = { error: String(err.reason || err.message) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
})
