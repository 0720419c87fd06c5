// SPDX-License-Identifier: Apache-2.0

// Records what js-yaml makes of the documents of load.json, as the test compares it:
//
//   npm install --prefix /tmp/js js-yaml@4.1.0 && NODE_PATH=/tmp/js/node_modules node record.js load.json
'use strict'

const fs = require('fs')
const yaml = require('js-yaml')

// plain writes a value so that JSON keeps its type. Keys are sorted.
function plain (value) {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return { number: String(value) }
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'boolean') return value
  if (value instanceof Date) return { date: value.toISOString() }
  if (value instanceof Uint8Array) return { binary: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  return { pairs: Object.keys(value).sort().map(key => [key.toWellFormed(), plain(value[key])]) }
}

function record (doc) {
  const value = yaml.load(doc)
  return { doc, value: plain(value), dump: value === undefined ? 'null\n' : yaml.dump(value).toWellFormed() }
}

const file = process.argv[2]
const cases = JSON.parse(fs.readFileSync(file)).map(({ doc }) => JSON.stringify(record(doc)))
fs.writeFileSync(file, '[\n' + cases.join(',\n') + '\n]\n')
