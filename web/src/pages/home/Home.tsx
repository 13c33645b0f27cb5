import { Button } from '@mantine/core';
import { IconDoorEnter, IconRosetteDiscountCheck, IconShield, IconUser, IconUsers, type Icon } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useIntl } from 'react-intl';
import type { User } from '../../api/types';
import { useDevMode } from '../../api/useInstance';
import { AppPage } from '../../components/AppPage';
import { Empty } from '../../components/ListStates';
import { Card, Row } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { dayPart, nextSteps, type NextStep } from '../../lib/nextSteps';
import classes from './Home.module.css';

const steps: Record<NextStep, { icon: Icon; to: '/settings/security' | '/settings/profile' | '/admin/people' | '/dev' }> = {
  twoFactor: { icon: IconShield, to: '/settings/security' },
  about: { icon: IconUser, to: '/settings/profile' },
  people: { icon: IconUsers, to: '/admin/people' },
  room: { icon: IconDoorEnter, to: '/dev' },
};

/** The first page after signing in: the day, and what is worth doing next. */
export function Home({ user }: { user: User }) {
  const text = useText();
  const intl = useIntl();
  const devMode = useDevMode();
  const now = new Date();
  const due = nextSteps(user, devMode);
  const today = intl.formatDate(now, { weekday: 'long', day: 'numeric', month: 'long' });
  return (
    <AppPage title={text(`home.${dayPart(now.getHours())}`, { name: user.name })} about={today}>
      <section className={classes.next} aria-labelledby="next">
        <h2 id="next">{text('home.next')}</h2>
        {due.length === 0 ? (
          <Empty icon={IconRosetteDiscountCheck} title={text('home.done.title')}>
            {text('home.done.text')}
          </Empty>
        ) : (
          <Card rows>
            {due.map((step, index) => {
              const { icon: StepIcon, to } = steps[step];
              return (
                <Row key={step} icon={<StepIcon size={20} stroke={1.75} aria-hidden="true" />} title={text(`home.step.${step}`)} about={text(`home.step.${step}.about`)}>
                  <Button component={Link} to={to} variant={index === 0 ? 'filled' : 'default'}>
                    {text(`home.step.${step}.do`)}
                  </Button>
                </Row>
              );
            })}
          </Card>
        )}
      </section>
    </AppPage>
  );
}
