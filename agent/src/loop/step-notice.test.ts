import { expect, it } from 'vitest';
import { createStepNotice } from './step-notice.ts';

it('tells a step of the wall clock once, forward and back, and no slewing', () => {
  let [wall, running] = [1_000_000, 5_000];
  const notice = createStepNotice(
    () => wall,
    () => running,
  );
  const pass = (ms: number, stepMs = 0): number => {
    running += ms;
    wall += ms + stepMs;
    return notice.stepMs();
  };
  expect([pass(1_000), pass(1_000, 500), pass(1_000)]).toEqual([0, 0, 0]);
  expect([pass(1_000, 7_200_000), pass(1_000)]).toEqual([7_200_500, 0]);
  expect([pass(1_000, -3_600_000), pass(1_000)]).toEqual([-3_600_000, 0]);
});
