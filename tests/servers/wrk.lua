-- Checks every answer and ends with one line that a test can read:
--
--   RESULT requests=N right=N wrong=N connect=N read=N write=N status=N timeout=N generations=N
--
-- wrk prints its own line about socket errors only when there were some, so that a run without
-- a summary would look like a good one. This line is there or it is not.
--
-- EXPECTED_BODY is the one right answer; where it is empty, "generation N" is right. A server that says its
-- generation there, or as X-Generation, has its generations counted.

local expected = os.getenv("EXPECTED_BODY") or ""
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- Globals, since done() runs in another Lua state and gets at them by name only.
function init()
  right, wrong, generations = 0, 0, 0
  first_wrong = ""
  seen = {}
end

function response(status, headers, body)
  local generation = body:match("^generation (%d+)\n$")
  if status == 200 and (body == expected or (expected == "" and generation)) then
    right = right + 1
  else
    wrong = wrong + 1
    if first_wrong == "" then
      first_wrong = status .. " " .. body
    end
  end
  generation = headers["X-Generation"] or generation
  if generation and not seen[generation] then
    seen[generation] = true
    generations = generations + 1
  end
end

function done(summary)
  local errors = summary.errors
  local total = { right = 0, wrong = 0, generations = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(total) do
      total[name] = total[name] + thread:get(name)
    end
    if thread:get("first_wrong") ~= "" then
      print("the first wrong answer: " .. thread:get("first_wrong"))
    end
  end
  print(string.format(
    "RESULT requests=%d right=%d wrong=%d connect=%d read=%d write=%d status=%d timeout=%d generations=%d",
    summary.requests, total.right, total.wrong, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout, total.generations))
end
