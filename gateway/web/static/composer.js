// The text field: Enter sends, Shift+Enter breaks the line, and Enter that ends a Korean
// composition sends exactly once, when the composition is over.
//
// How browsers tell of Enter while a syllable is being composed differs:
//   Chrome, Edge, Firefox   keydown (isComposing) · compositionend · keydown Enter, where the input
//                           method passes the key on (Korean ones do)
//   Safari                  compositionend · keydown (keyCode 229, isComposing already false) · line break
//   some Linux input methods  keydown (isComposing) · compositionend, and nothing more
// So the field never sends while composing, and remembers that Enter was pressed. When the
// composition ends in Hangul it sends in the next task; an Enter that follows then finds the field
// empty. A composition that ends in Hanja or Kana is a choice from a list: its Enter means "this one".

const HANGUL_END = /[\p{Script=Hangul}]$/u;

export class Composer {
  #field;
  #submit;
  #composing = false;
  #enterHeld = false;
  #shift = false;

  constructor(field, submit) {
    this.#field = field;
    this.#submit = submit;
    field.addEventListener("compositionstart", () => {
      this.#composing = true;
      this.#enterHeld = false;
    });
    field.addEventListener("compositionend", (event) => this.#composed(event));
    field.addEventListener("keydown", (event) => this.#pressed(event));
    field.addEventListener("beforeinput", (event) => this.#breaking(event));
  }

  #pressed(event) {
    const enter = event.key === "Enter" || (event.keyCode === 229 && event.code === "Enter");
    if (!enter) return;
    this.#shift = event.shiftKey;
    if (event.shiftKey) return;
    if (this.#composing || event.isComposing) {
      this.#enterHeld = true;
      return;
    }
    if (event.keyCode === 229) return; // Safari: the line break follows as beforeinput
    event.preventDefault();
    if (!event.repeat) this.#send();
  }

  #breaking(event) {
    const lineBreak = event.inputType === "insertLineBreak" || event.inputType === "insertParagraph";
    if (!lineBreak || this.#shift) return;
    event.preventDefault();
    if (this.#composing) this.#enterHeld = true;
    else this.#send();
  }

  #composed(event) {
    this.#composing = false;
    if (!this.#enterHeld) return;
    this.#enterHeld = false;
    if (HANGUL_END.test(event.data ?? "")) setTimeout(() => this.#send());
  }

  #send() {
    if (!this.#composing && this.#field.value.trim()) this.#submit();
  }
}
