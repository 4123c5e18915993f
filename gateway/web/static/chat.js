// The chat page. The conversation lives in this page's memory and nowhere else; each turn sends it
// whole. Everything that people or models wrote enters the page as text nodes only.

import { Composer } from "./composer.js";
import { ConnectionLost, connected, events } from "./events.js";

const GRADES = ["O", "S", "C"];
const CONNECTION_LOST = {
  code: "connection_lost",
  message: "연결이 끊겼습니다. 네트워크를 확인하고 다시 시도해 주십시오.",
};
const PAGE_FAILED = {
  code: "page_failed",
  message: "이 화면에 문제가 생겼습니다. 화면을 새로 고친 뒤 다시 시도해 주십시오.",
};
const find = (id) => document.getElementById(id);
const csrf = document.querySelector('meta[name="gwanmun-csrf"]').content;
const form = find("composer");
const field = find("text");
const log = find("log");
const welcome = find("welcome");
const modelPicker = find("model");
const sendButton = find("send");
const stopButton = find("stop");
// Not form.elements.grade: with one choice that is no list.
const grades = [...form.querySelectorAll('[name="grade"]')];
const chosenGrade = () => grades.find((choice) => choice.checked)?.value;
const firstGrade = chosenGrade();

let turns = []; // what was said, as it is sent again: {role, content}
let running = null; // the AbortController of the answer that is being written

// Said to screen readers; `shown` to everybody, where nothing else on the page tells it.
function announce(text, { shown = false } = {}) {
  const status = find("status");
  status.textContent = text;
  status.classList.toggle("visually-hidden", !shown);
}

// The composer keeps its place on the screen: the page need not move to it.
function focusField() {
  field.focus({ preventScroll: getComputedStyle(form).position === "sticky" });
}

function fromTemplate(id) {
  const node = find(id).content.firstElementChild.cloneNode(true);
  const part = (name) => node.querySelector(`[data-part="${name}"]`);
  return { node, part };
}

// --- following the text -------------------------------------------------------------------------

const page = document.scrollingElement;
let following = true;
addEventListener("scroll", () => {
  following = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
}, { passive: true });
function follow(force = false) {
  if (force) following = true;
  if (following) page.scrollTop = page.scrollHeight;
}

// --- one's own turn and what of it the model got -------------------------------------------------

function showOwn(text) {
  const own = fromTemplate("own-turn");
  own.part("text").textContent = text;
  log.append(own.node);
  return own;
}

function showDelivered(own, sent) {
  const target = own.part("delivered-text");
  target.replaceChildren(
    ...sent.segments.map(([text, kind]) => {
      if (!kind) return document.createTextNode(text);
      const mark = document.createElement("mark");
      mark.className = "surrogate";
      mark.title = kind;
      mark.textContent = text;
      return mark;
    }),
  );
  const total = sent.counts.reduce((sum, [, count]) => sum + count, 0);
  own.part("count").textContent = total ? `${total}건 가림` : "가린 것 없음";
  own.part("count").classList.add(total ? "warn" : "good");
  own.part("kinds").replaceChildren(
    ...sent.counts.map(([kind, count]) => {
      const item = document.createElement("li");
      item.className = "badge";
      item.textContent = `${kind} ${count}건`;
      return item;
    }),
  );
  own.part("kinds").hidden = !sent.counts.length;
  own.part("delivered-grade").textContent = `이 글의 자료 등급: ${sent.grade_label}`;
  own.part("delivered").hidden = false;
}

// A conversation's grade only rises: what was said in it is sent again with every turn.
function raiseGrade(grade) {
  const least = GRADES.indexOf(grade);
  for (const choice of grades) {
    const below = GRADES.indexOf(choice.value) < least;
    choice.disabled = below;
    if (below && choice.checked) {
      const higher = grades.find((other) => other.value === grade);
      if (higher) higher.checked = true;
    }
  }
}

function resetGrade() {
  for (const choice of grades) {
    choice.disabled = false;
    choice.checked = choice.value === firstGrade;
  }
}

// --- the answer ----------------------------------------------------------------------------------

function showAnswer(model) {
  const answer = fromTemplate("answer-turn");
  answer.part("model").textContent = model;
  const text = document.createTextNode("");
  answer.part("text").append(text);
  answer.text = text;
  log.append(answer.node);
  return answer;
}

function say(answer, text, tone) {
  const notice = answer.part("notice");
  notice.textContent = text;
  notice.className = `notice ${tone}`;
  notice.hidden = false;
}

function offerLogin(answer) {
  const link = document.createElement("a");
  link.href = "/login";
  link.textContent = "다시 로그인";
  answer.part("notice").append("\n", link);
}

function showRecord(answer, record) {
  const link = answer.part("record");
  link.href = `/records/${record}`;
  link.textContent = record;
  answer.part("receipt").hidden = false;
  answer.part("check").addEventListener("click", () => checkReceipt(answer, record));
}

async function checkReceipt(answer, record) {
  const state = answer.part("receipt-state");
  state.textContent = "확인하는 중…";
  try {
    const response = await fetch(`/v1/receipts/${record}`, { headers: { accept: "application/json" } });
    state.textContent = response.ok ? sealWords(await response.json()) : "확인하지 못했습니다.";
  } catch {
    state.textContent = "확인하지 못했습니다. 연결을 살펴 주십시오.";
  }
}

function sealWords(receipt) {
  const leaves = receipt.promises.map((promise) => promise.sealed?.leaf_index);
  if (leaves.includes(undefined)) return "저장됨 · 봉인 대기 중";
  return `봉인됨 · 잎 번호 ${leaves.join(", ")}`;
}

function problemText(problem) {
  const lines = [problem.message, `오류 코드 ${problem.code}`];
  if (problem.request_id) lines.push(`요청 번호 ${problem.request_id}`);
  return lines.join("\n");
}

async function readProblem(response) {
  try {
    const body = await response.json();
    const requestId = body.instance?.replace("urn:uuid:", "");
    return { code: body.code, message: body.title, request_id: requestId, status: response.status };
  } catch {
    return { code: `http_${response.status}`, message: "서버가 알 수 없는 답을 보냈습니다.", status: response.status };
  }
}

// Applies one event; returns true when it ends the answer.
function apply(event, own, answer) {
  switch (event.name) {
    case "sent":
      showDelivered(own, event.data);
      showRecord(answer, event.data.record);
      raiseGrade(event.data.grade);
      answer.part("waiting-text").textContent = "답을 쓰고 있습니다";
      return false;
    case "part":
      answer.part("waiting").hidden = true;
      answer.text.appendData(event.data.text);
      return false;
    case "done":
      if (event.data.finish_reason === "length") say(answer, "길이 한도에 닿아 여기서 끝났습니다.", "info");
      return true;
    case "error":
      throw Object.assign(new Error("problem"), { problem: event.data });
    default:
      return false;
  }
}

async function ask(signal, own, answer) {
  const asked = fetch(form.action, {
    method: "POST",
    signal,
    headers: { "content-type": "application/json", accept: "text/event-stream", "x-gwanmun-csrf": csrf },
    body: JSON.stringify({ model: modelPicker.value, grade: chosenGrade(), messages: turns }),
  });
  const response = await connected(asked);
  if (!response.ok) throw Object.assign(new Error("problem"), { problem: await readProblem(response) });
  let whole = false;
  for await (const event of events(response.body)) {
    whole = apply(event, own, answer) || whole;
    follow();
  }
  if (!whole) throw new ConnectionLost("the stream ended early");
}

function explain(failure, answer) {
  if (failure.name === "AbortError") {
    say(answer, answer.text.data ? "여기서 중지했습니다." : "답이 시작되기 전에 중지했습니다.", "info");
    announce("답을 중지했습니다.");
    return;
  }
  const problem = failure.problem ?? (failure instanceof ConnectionLost ? CONNECTION_LOST : PAGE_FAILED);
  if (problem === PAGE_FAILED) reportError(failure); // ours: the browser's console tells where
  say(answer, problemText(problem), "bad");
  if (problem.status === 401) offerLogin(answer);
  announce(`오류: ${problem.message}`);
}

async function send() {
  if (!field.value.trim()) return;
  if (running) {
    announce("답이 끝난 뒤에 보낼 수 있습니다.", { shown: true });
    return;
  }
  const text = field.value;
  field.value = "";
  welcome.hidden = true;
  turns.push({ role: "user", content: text });
  const own = showOwn(text);
  const answer = showAnswer(modelPicker.value);
  follow(true);
  begin();
  announce("보냈습니다. 답을 기다리고 있습니다.");
  const mine = running;
  try {
    await ask(mine.signal, own, answer);
    announce("답이 끝났습니다.");
  } catch (failure) {
    if (running !== mine) return; // a new conversation has begun
    explain(failure, answer);
    if (!answer.text.data && !field.value) field.value = text;
  } finally {
    answer.node.setAttribute("aria-busy", "false");
    answer.part("waiting").hidden = true;
    if (running === mine) {
      if (answer.text.data) turns.push({ role: "assistant", content: answer.text.data });
      else turns.pop();
      finish();
      follow();
    }
  }
}

function begin() {
  running = new AbortController();
  sendButton.hidden = true;
  stopButton.hidden = false;
}

function finish() {
  const onStop = document.activeElement === stopButton;
  running = null;
  sendButton.hidden = false;
  stopButton.hidden = true;
  if (onStop) focusField();
}

function startAfresh() {
  running?.abort();
  turns = [];
  for (const turn of log.querySelectorAll(".turn")) turn.remove();
  welcome.hidden = false;
  resetGrade();
  finish();
  focusField();
  announce("새 대화를 시작했습니다.");
}

new Composer(field, send);
sendButton.disabled = false; // without this script the form must not be sent
field.focus({ preventScroll: true }); // not by the attribute: that scrolls a narrow page down
form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
stopButton.addEventListener("click", () => running?.abort());
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) running?.abort();
});
find("fresh").addEventListener("click", startAfresh);
for (const example of document.querySelectorAll(".example")) {
  example.addEventListener("click", () => {
    field.value = example.textContent;
    focusField();
  });
}
