/**
 * One line over the reports of all suites, and before it every test that failed, for their own output is far above it.
 * Arguments: JSON reports of vitest. A report that is missing or broken counts as a failure.
 */
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';

let passed = 0;
const failed = [];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    passed += report.numPassedTests;
    for (const { name, status, message, assertionResults } of report.testResults) {
      const tests = assertionResults.filter((test) => test.status === 'failed');
      for (const { fullName, failureMessages } of tests) add(name, fullName, failureMessages[0]);
      if (status === 'failed' && tests.length === 0) add(name, 'the file', message);
    }
  } catch (error) {
    failed.push(`${basename(file)}: ${error.message}`);
  }
}
for (const line of failed) console.log(`FAILED ${line}`);
console.log(`${passed} passed, ${failed.length} failed`);

/** @param {string} file @param {string} test @param {string | undefined} message */
function add(file, test, message = '') {
  failed.push(`${relative('.', file)}: ${test}\n       ${message.split('\n').slice(0, 6).join('\n       ')}`);
}
