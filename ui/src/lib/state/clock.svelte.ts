// The time that ages are told by. Ticks only while somebody looks.

const TICK = 10_000;

class Clock {
  now = $state(Date.now());

  /** Starts ticking; answers how to stop. */
  run(): () => void {
    const tick = () => {
      if (!document.hidden) this.now = Date.now();
    };
    const timer = setInterval(tick, TICK);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }
}

export const clock = new Clock();
