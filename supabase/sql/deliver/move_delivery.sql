-- Each transition, the state it leads to, and from where. `success`, `superseded` and `cancelled` are never left.
-- 
-- | transition | leads to                                                       | from                                        |
-- | ---------- | -------------------------------------------------------------- | ------------------------------------------- |
-- | claimed    | retrying, under a new lease and fencing token                  | any open state, dead letters too            |
-- | released   | what it was before its claim                                   | retrying, its holder's lease has run out     |
-- | delivered  | success                                                        | any open state, whoever says so: it is proof |
-- | failed     | failed, due at the next slot; a dead letter after the last one | its holder's claim                          |
-- | postponed  | what it was before its claim, due at the same slot, or after a pause: the endpoint is to blame | its holder's claim, subscribers only |
-- | unknown    | sent, due at the next slot; a dead letter after the last one   | its holder's claim                          |
-- | refused    | failed, a dead letter                                          | its holder's claim                          |
-- | skipped    | failed, due at the first slot                                  | any open state but a dead letter            |
-- | closed     | failed, a dead letter of the given reason; cancelled for subscribers whose report was deleted | any open state |
-- | erased     | as closed for content_erased; cancelled for subscribers, dead letters aside; no answer | any state; one that has ended or is closed stays |
-- | redriven   | failed, due now, at the beginning of its schedule              | a dead letter                               |
-- | brought_forward | unchanged, due now; its slot is not used                  | an open state that waits for its slot       |
-- | parked     | unchanged, not looked at until p_waits_for has ended           | an open state, subscribers only             |
-- | woken      | unchanged, looked at again                                     | parked                                      |
-- | superseded | superseded                                                     | any open state, subscribers only            |
-- | cancelled  | cancelled                                                      | any open state, subscribers only            |
-- 
-- p_token: the fencing token of a sender that records a round of p_posts attempts.
create or replace function private.move_delivery(
  p_delivery_id bigint, p_transition text, p_token bigint default null, p_posts int default 0,
  p_response jsonb default null, p_retry_after_seconds numeric default null, p_lease_seconds int default null,
  p_claim_id uuid default null, p_reason text default null, p_on_arrival boolean default false,
  p_waits_for bigint default null)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_old public.webhook_deliveries;
  v_new public.webhook_deliveries;
  -- Only the last claimer may record a failure.
  v_is_holder boolean;
  v_has_ended boolean;
  v_ends boolean;
begin
  select * into strict v_old from public.webhook_deliveries where id = p_delivery_id for update;
  v_is_holder := p_token = v_old.lease_token;
  v_has_ended := v_old.status in ('success', 'superseded', 'cancelled');
  v_new := v_old;

  -- The attempts of a round count in any case. One of them may have been counted when it arrived.
  if p_token is not null then
    v_new.attempts := v_old.attempts + p_posts - (v_old.counted_on_arrival and p_posts > 0)::int;
    v_new.counted_on_arrival := false;
    v_new.last_attempt := case when p_posts > 0 then now() else v_old.last_attempt end;
    if not v_has_ended or p_transition = 'delivered' then
      v_new.response := coalesce(p_response, v_old.response);
    end if;
    if v_has_ended and v_is_holder then
      v_new.lease_token := v_old.lease_token + 1;
      v_new.lease_expires_at := null;
    end if;
  end if;

  case p_transition
    when 'claimed' then
      if not v_has_ended then
        v_new.status := 'retrying';
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := now() + make_interval(secs => p_lease_seconds);
        v_new.claim_id := p_claim_id;
        v_new.claimed_at := now();
        v_new.counted_on_arrival := false;
        v_new.status_before_claim := case v_old.status when 'retrying' then v_old.status_before_claim else v_old.status end;
        -- A claimed dead letter is due again if its sender dies before recording the round.
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := coalesce(v_old.next_attempt, now());
      end if;
    when 'released' then
      -- The token stays: a slow holder may still record its round.
      if v_old.status = 'retrying' and private.lease_is_free(v_old.lease_expires_at) then
        v_new.status := coalesce(v_old.status_before_claim, 'failed');
        v_new.lease_expires_at := null;
      end if;
    when 'delivered' then
      if not v_has_ended then
        v_new.status := 'success';
        v_new.next_attempt := null;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.claim_id := null;
        if p_on_arrival then
          -- The lease stays with the sender, which has yet to record the round.
          v_new.attempts := v_old.attempts + 1;
          v_new.counted_on_arrival := true;
          v_new.last_attempt := now();
          v_new.response := p_response;
        else
          v_new.lease_expires_at := null;
        end if;
      end if;
    when 'failed', 'unknown', 'refused' then
      if v_is_holder and not v_has_ended and v_old.dead_at is null then
        if p_transition = 'refused' then
          v_new.next_attempt := null;
        elsif v_old.next_attempt > now() then
          -- Retried before its slot: the slot remains, unless Retry-After asks for a later time.
          v_new.next_attempt := greatest(v_old.next_attempt, now() + private.retry_after(p_retry_after_seconds));
        else
          v_new.rounds := v_old.rounds + 1;
          v_new.next_attempt := private.next_attempt(v_new.rounds, p_retry_after_seconds);
        end if;
        v_new.status := case when p_transition = 'unknown' and v_new.next_attempt is not null then 'sent' else 'failed' end;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        if v_new.next_attempt is null then
          v_new.dead_at := now();
          v_new.dead_reason := case p_transition when 'refused' then 'refused' else 'attempts_exhausted' end;
        end if;
      end if;
    when 'postponed' then
      if v_is_holder and not v_has_ended and v_old.dead_at is null then
        v_new.status := coalesce(v_old.status_before_claim, 'failed');
        v_new.next_attempt := greatest(
          v_old.next_attempt, now() + private.retry_after(p_retry_after_seconds),
          now() + (select circuit_pause from private.sending_policy()));
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'parked' then
      if not v_has_ended and v_old.dead_at is null then
        v_new.waits_for := p_waits_for;
      end if;
    when 'woken' then
      v_new.waits_for := null;
    when 'skipped' then
      if not v_has_ended and v_old.dead_at is null then
        -- It was not sent, so its whole schedule is left.
        v_new.status := 'failed';
        v_new.next_attempt := private.next_attempt(1, null);
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        v_new.response := p_response;
      end if;
    when 'closed' then
      if not v_has_ended and v_old.dead_reason is distinct from p_reason then
        if v_old.position is not null and p_reason = 'report_deleted' then
          -- The event of type report.deleted informs the subscriber.
          v_new.status := 'cancelled';
          v_new.dead_at := null;
          v_new.dead_reason := null;
        else
          v_new.status := 'failed';
          v_new.dead_at := coalesce(v_old.dead_at, now());
          v_new.dead_reason := p_reason;
        end if;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'erased' then
      -- The answer may repeat the content.
      v_new.response := '{}';
      if not v_has_ended and private.is_closed(v_old.dead_reason) is not true then
        if v_old.dead_at is null
          and v_old.position is not null
        then
          v_new.status := 'cancelled';
        else
          v_new.status := 'failed';
          v_new.dead_at := coalesce(v_old.dead_at, now());
          v_new.dead_reason := 'content_erased';
        end if;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'redriven' then
      if v_old.dead_at is not null then
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.rounds := 0;
        v_new.redrives := v_old.redrives + 1;
        v_new.next_attempt := now();
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'brought_forward' then
      if not v_has_ended and v_old.dead_at is null and v_old.next_attempt > now()
        and private.lease_is_free(v_old.lease_expires_at)
      then
        -- The next failure counts this round again, so that bringing a delivery forward uses up no slot.
        v_new.rounds := greatest(v_old.rounds - 1, 0);
        v_new.next_attempt := now();
      end if;
    when 'superseded', 'cancelled' then
      if v_old.position is null then
        raise exception 'a delivery to our own endpoint cannot be %', p_transition using errcode = 'PL004';
      elsif not v_has_ended then
        v_new.status := p_transition;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    else
      raise exception 'unknown transition %', p_transition using errcode = 'PL004';
  end case;

  v_ends := v_new.dead_at is not null or v_new.status in ('success', 'superseded', 'cancelled');
  if v_ends then
    v_new.waits_for := null;
    if v_old.position is not null and p_token is null and not private.lease_is_free(v_old.lease_expires_at) then
      -- A POST is in progress: until its sender records the outcome, the report's next delivery must not overtake it.
      v_new.lease_token := v_old.lease_token;
      v_new.lease_expires_at := v_old.lease_expires_at;
      v_new.claim_id := v_old.claim_id;
    end if;
  end if;
  if v_new is distinct from v_old then
    update public.webhook_deliveries
    set status = v_new.status, attempts = v_new.attempts, counted_on_arrival = v_new.counted_on_arrival,
      rounds = v_new.rounds, last_attempt = v_new.last_attempt, next_attempt = v_new.next_attempt, dead_at = v_new.dead_at,
      dead_reason = v_new.dead_reason, response = v_new.response, lease_token = v_new.lease_token,
      lease_expires_at = v_new.lease_expires_at, claim_id = v_new.claim_id, status_before_claim = v_new.status_before_claim,
      waits_for = v_new.waits_for, claimed_at = v_new.claimed_at, redrives = v_new.redrives
    where id = p_delivery_id
    returning * into v_new;
  end if;
  if v_ends and v_old.position is not null and private.lease_is_free(v_new.lease_expires_at) then
    -- The report's next deliveries may now be sent. Rows that another transaction changes are skipped, since waiting here,
    -- with other locks held, could deadlock; the next sweep wakes them. The key share lock of try_claim() does not conflict
    -- with this.
    update public.webhook_deliveries set waits_for = null
    where id in (
      select id from public.webhook_deliveries where waits_for = p_delivery_id order by id for no key update skip locked);
  end if;
  return v_new;
end
$$;

comment on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean, bigint) is
  'The one writer of a delivery''s state.';
revoke all on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean, bigint) from public, anon, authenticated, service_role;
