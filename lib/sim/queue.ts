/**
 * The event queue: a binary heap ordered by time, then rank, then order of insertion. Rank 0 is the world's own
 * events, rank 1 what is done to it from outside at that time. So at any moment everything inside settles before
 * an outside operation starts, and a recorded operation meets the same world when it is played back.
 */

export interface QueuedEvent {
  readonly atMs: number;
  readonly rank: 0 | 1;
  readonly sequence: number;
  /** Null once cancelled or run. */
  run: (() => void) | null;
}

export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #sequence = 0;

  push(atMs: number, rank: 0 | 1, run: () => void): QueuedEvent {
    const event: QueuedEvent = { atMs, rank, sequence: (this.#sequence += 1), run };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
    return event;
  }

  /** The earliest event that is not cancelled, left in the queue. */
  peek(): QueuedEvent | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      if (first.run !== null) return first;
      this.#removeFirst();
    }
  }

  pop(): QueuedEvent | null {
    const first = this.peek();
    if (first !== null) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(start: number): void {
    const heap = this.#heap;
    const moved = heap[start] as QueuedEvent;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as QueuedEvent;
      if (!before(moved, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = moved;
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    const moved = heap[start] as QueuedEvent;
    const size = heap.length;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] as QueuedEvent, heap[child] as QueuedEvent)) child += 1;
      if (!before(heap[child] as QueuedEvent, moved)) break;
      heap[index] = heap[child] as QueuedEvent;
      index = child;
    }
    heap[index] = moved;
  }
}

function before(a: QueuedEvent, b: QueuedEvent): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.sequence < b.sequence;
}
